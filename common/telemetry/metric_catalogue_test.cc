// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/metric_catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cohort::common {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MetricCatalogueTest : public ::testing::Test {
 protected:
  std::vector<std::string> Described() const {
    std::vector<std::string> lines;
    for (const MetricDescription& metric : catalogue_.descriptions()) {
      std::string line = metric.type + " " + metric.name;
      for (const std::string& label : metric.labels) line += " " + label;
      lines.push_back(line + ": " + metric.help);
    }
    return lines;
  }

  prometheus::Registry registry_;
  MetricCatalogue catalogue_{&registry_, "user", /*max_idle_owners=*/2};
};

TEST_F(MetricCatalogueTest, MetricsWithoutLabelsAreThereAtOnce) {
  catalogue_.AddCounter("sent_total", "Sent.").Increment(2);
  catalogue_.AddGauge("queued", "Queued.").Set(3);
  catalogue_.AddHistogram("wait_seconds", "Waits.", {1, 10}).Observe(5);
  EXPECT_THAT(Described(),
              ElementsAre("counter sent_total: Sent.", "gauge queued: Queued.", "histogram wait_seconds: Waits."));
  const auto families = registry_.Collect();
  ASSERT_EQ(families.size(), 3u);
  for (const auto& family : families) {
    ASSERT_EQ(family.metric.size(), 1u) << family.name;
    EXPECT_THAT(family.metric[0].label, IsEmpty());
    if (family.name == "sent_total") {
      EXPECT_EQ(family.help, "Sent.");
      EXPECT_EQ(family.type, prometheus::MetricType::Counter);
      EXPECT_EQ(family.metric[0].counter.value, 2);
    } else if (family.name == "queued") {
      EXPECT_EQ(family.metric[0].gauge.value, 3);
    } else {
      EXPECT_EQ(family.name, "wait_seconds");
      ASSERT_EQ(family.metric[0].histogram.bucket.size(), 3u);
      EXPECT_EQ(family.metric[0].histogram.bucket[0].cumulative_count, 0u);
      EXPECT_EQ(family.metric[0].histogram.bucket[1].cumulative_count, 1u);
    }
  }
}

TEST_F(MetricCatalogueTest, FamiliesAreDescribedBeforeTheyHaveSeries) {
  auto& sent = catalogue_.AddFamily<prometheus::Counter>("sent_total", "Sent.", {"user", "kind"});
  catalogue_.AddFamily<prometheus::Gauge>("queued", "Queued.", {"queue"});
  catalogue_.AddFamily<prometheus::Histogram>("wait_seconds", "Waits.", {"user"});
  EXPECT_THAT(Described(), ElementsAre("counter sent_total user kind: Sent.", "gauge queued queue: Queued.",
                                       "histogram wait_seconds user: Waits."));
  for (const auto& family : registry_.Collect()) EXPECT_THAT(family.metric, IsEmpty()) << family.name;
  sent.Add({{"user", "ann"}, {"kind", "note"}}).Increment();
  double value = 0;
  for (const auto& family : registry_.Collect()) {
    for (const auto& metric : family.metric) value += metric.counter.value;
  }
  EXPECT_EQ(value, 1);
}

}  // namespace
}  // namespace cohort::common
