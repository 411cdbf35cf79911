// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/labeled_family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

namespace cohort::common {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LabeledFamilyTest : public ::testing::Test {
 protected:
  // Users that have a series of any metric.
  std::set<std::string> Users() const {
    std::set<std::string> users;
    for (const auto& family : registry_.Collect()) {
      for (const auto& metric : family.metric) {
        for (const auto& label : metric.label) {
          if (label.name == "user") users.insert(label.value);
        }
      }
    }
    return users;
  }

  prometheus::Registry registry_;
  MetricCatalogue catalogue_{&registry_, "user", /*max_idle_owners=*/2};
  LabeledFamily<prometheus::Counter> dropped_{&catalogue_, "dropped_total", "Dropped.", {"user", "reason"}};
  LabeledFamily<prometheus::Histogram> waits_{&catalogue_, "wait_seconds", "Waits.", {"user"}, {1, 10}};
  LabeledFamily<prometheus::Gauge> queued_{&catalogue_, "queued", "Queued.", {"queue"}};
};

TEST_F(LabeledFamilyTest, SeriesAreToldApartByTheirLabels) {
  dropped_.At({"ann", "spam"}).Increment();
  dropped_.At({"ann", "spam"}).Increment(2);
  dropped_.At({"ann", "size"}).Increment();
  queued_.At({"in"}).Set(7);
  EXPECT_EQ(dropped_.At({"ann", "spam"}).Value(), 3);
  EXPECT_EQ(dropped_.At({"ann", "size"}).Value(), 1);
  EXPECT_EQ(queued_.At({"in"}).Value(), 7);
}

TEST_F(LabeledFamilyTest, SeriesIsThereOnceMade) {
  dropped_.At({"ann", "spam"}).Make();
  const auto families = registry_.Collect();
  ASSERT_EQ(families.size(), 1u);
  EXPECT_EQ(families[0].name, "dropped_total");
  ASSERT_EQ(families[0].metric.size(), 1u);
  EXPECT_EQ(families[0].metric[0].counter.value, 0);
}

TEST_F(LabeledFamilyTest, OnlyTheOwnersUpdatedLastKeepTheirSeries) {
  for (const char* user : {"ann", "ben", "ann", "cay"}) {
    dropped_.At({user, "spam"}).Increment();
    waits_.At({user}).Observe(3);
  }
  queued_.At({"in"}).Set(1);
  EXPECT_THAT(Users(), ElementsAre("ann", "cay"));
  EXPECT_EQ(dropped_.At({"ann", "spam"}).Value(), 2);
  EXPECT_EQ(queued_.At({"in"}).Value(), 1) << "belongs to nobody";
}

TEST_F(LabeledFamilyTest, ProtectedOwnersKeepTheirSeries) {
  for (const char* user : {"ann", "ben"}) dropped_.At({user, "spam"}).Increment();
  catalogue_.owners().Protect("ann");
  for (const char* user : {"cay", "dan"}) dropped_.At({user, "spam"}).Increment();
  EXPECT_THAT(Users(), ElementsAre("ann", "cay", "dan"));
  catalogue_.owners().Release("ann");
  EXPECT_THAT(Users(), ElementsAre("cay", "dan"));
}

TEST_F(LabeledFamilyTest, ForgottenOwnerStartsAgain) {
  dropped_.At({"ann", "spam"}).Increment();
  waits_.At({"ann"}).Observe(3);
  catalogue_.owners().Forget("ann");
  EXPECT_THAT(Users(), IsEmpty());
  dropped_.At({"ann", "spam"}).Increment();
  EXPECT_EQ(dropped_.At({"ann", "spam"}).Value(), 1);
}

TEST_F(LabeledFamilyTest, SeriesGoWhileOthersUpdateThem) {
  std::thread updates([this] {
    for (int i = 0; i < 2000; ++i) dropped_.At({"ann", "spam"}).Increment();
  });
  for (int i = 0; i < 2000; ++i) catalogue_.owners().Forget("ann");
  updates.join();
  EXPECT_LE(dropped_.At({"ann", "spam"}).Value(), 2000);
}

TEST_F(LabeledFamilyTest, CatalogueDescribesMetricsWithoutSeries) {
  catalogue_.AddGauge("alone", "Alone.");
  std::vector<std::string> lines;
  for (const MetricDescription& metric : catalogue_.descriptions()) {
    std::string line = metric.type + " " + metric.name + ":";
    for (const std::string& label : metric.labels) line += " " + label;
    lines.push_back(line + ", " + metric.help);
  }
  EXPECT_THAT(lines, ElementsAre("counter dropped_total: user reason, Dropped.", "histogram wait_seconds: user, Waits.",
                                 "gauge queued: queue, Queued.", "gauge alone:, Alone."));
}

}  // namespace
}  // namespace cohort::common
