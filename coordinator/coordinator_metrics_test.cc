// SPDX-License-Identifier: Apache-2.0
#include "coordinator/coordinator_metrics.h"

#include <gmock/gmock.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

TEST(CoordinatorMetricsTest, NamesHelpAndLabelsFollowTheConventions) {
  prometheus::Registry registry;
  const CoordinatorMetrics metrics(&registry);
  std::set<std::string> names;
  for (const common::MetricDescription& metric : metrics.catalogue().descriptions()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name << " is there twice";
    EXPECT_TRUE(absl::StartsWith(metric.name, "cohort_coordinator_") ||
                absl::StartsWith(metric.name, "cohort_training_"))
        << metric.name;
    EXPECT_TRUE(absl::EndsWith(metric.help, ".")) << metric.name;
    EXPECT_EQ(absl::EndsWith(metric.name, "_total"), metric.type == "counter") << metric.name;
    for (const std::string& label : metric.labels) {
      EXPECT_TRUE(label != "job" && label != "namespace") << metric.name;
    }
  }
  EXPECT_GT(names.size(), 80u);
}

TEST(CoordinatorMetricsTest, OneSeriesPerJob) {
  prometheus::Registry registry;
  CoordinatorMetrics metrics(&registry);
  metrics.GroupsAccepted("a").Increment();
  metrics.GroupsAccepted("a").Increment();
  metrics.GroupsAccepted("b").Increment();
  EXPECT_EQ(metrics.GroupsAccepted("a").Value(), 2);
  EXPECT_EQ(metrics.GroupsAccepted("b").Value(), 1);
}

class JobSeriesTest : public ::testing::Test {
 protected:
  std::set<std::string> Jobs() const {
    std::set<std::string> jobs;
    for (const auto& family : registry_.Collect()) {
      for (const auto& metric : family.metric) {
        for (const auto& label : metric.label) {
          if (label.name == "training_job") jobs.insert(label.value);
        }
      }
    }
    return jobs;
  }

  prometheus::Registry registry_;
  CoordinatorMetrics metrics_{&registry_};
};

TEST_F(JobSeriesTest, CountersOfAJobBeginAtZero) {
  metrics_.AddJob("a");
  int num_series = 0;
  for (const auto& family : registry_.Collect()) {
    if (family.type != prometheus::MetricType::Counter) continue;
    for (const auto& metric : family.metric) {
      EXPECT_EQ(metric.counter.value, 0) << family.name;
      ++num_series;
    }
  }
  EXPECT_EQ(num_series, 12) << "seven, and one for each of five reasons to drop a group";
}

TEST_F(JobSeriesTest, ManyJobsOfOneMomentAllHaveTheirSeries) {
  for (int i = 0; i < 50; ++i) metrics_.AddJob(absl::StrCat("job-", i));
  EXPECT_EQ(Jobs().size(), 50u);
}

TEST_F(JobSeriesTest, SeriesOfUnfinishedJobsAndOfTheTwentyThatEndedLastStay) {
  for (int i = 0; i < 30; ++i) {
    const std::string job = absl::StrCat("job-", i);
    metrics_.AddJob(i == 0 ? "long-one" : job);
    metrics_.StepSeconds(job).Observe(1);
    metrics_.ReleaseJob(job);
  }
  const std::set<std::string> jobs = Jobs();
  EXPECT_EQ(jobs.size(), 21u);
  EXPECT_EQ(jobs.count("long-one"), 1u);
  EXPECT_EQ(jobs.count("job-29"), 1u);
  EXPECT_EQ(jobs.count("job-9"), 0u);
  metrics_.ForgetJob("job-29");
  EXPECT_EQ(Jobs().count("job-29"), 0u);
}

}  // namespace
}  // namespace cohort::coordinator
