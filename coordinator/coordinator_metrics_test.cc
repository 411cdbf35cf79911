// SPDX-License-Identifier: Apache-2.0
#include "coordinator/coordinator_metrics.h"

#include <gmock/gmock.h>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

TEST(CoordinatorMetricsTest, NamesHelpAndLabelsFollowTheConventions) {
  prometheus::Registry registry;
  CoordinatorMetrics metrics(&registry);
  for (auto* counter : {&metrics.GroupsAccepted("j"), &metrics.GroupsDropped("j", "errored"),
                        &metrics.LeasesExpired("j"), &metrics.SubmitsRefused("j"), &metrics.GangsLost("j"),
                        &metrics.DigestMismatches("j"), &metrics.CheckpointsUnusable("j"), &metrics.Preemptions("j")}) {
    counter->Increment();
  }
  for (auto* gauge : {&metrics.GroupsInState("j", "waiting"), &metrics.PolicyVersion("j"), &metrics.StalledSeconds("j"),
                      &metrics.QueuedJobs("team-a"), &metrics.RanksHeld("team-a")}) {
    gauge->Set(1);
  }
  metrics.StepSeconds("j").Observe(0.5);
  const auto families = registry.Collect();
  EXPECT_EQ(families.size(), 21u) << "with those of the process as a whole";
  for (const auto& family : families) {
    EXPECT_THAT(family.name, ::testing::StartsWith("cohort_coordinator_"));
    EXPECT_FALSE(family.help.empty()) << family.name;
    const bool is_total = ::testing::Value(family.name, ::testing::EndsWith("_total"));
    EXPECT_EQ(is_total, family.type == prometheus::MetricType::Counter) << family.name;
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label)
        EXPECT_TRUE(label.name != "job" && label.name != "namespace") << family.name;
    }
  }
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

}  // namespace
}  // namespace cohort::coordinator
