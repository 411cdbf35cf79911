// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_conditions.h"

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::JobCondition;

TEST(JobConditionsTest, ConditionThatStaysKeepsItsBeginAndTakesTheNewestMessage) {
  cohort::v1::Job job;
  SetCondition(&job, JobCondition::CHECKPOINT_UNUSABLE, "version 2", absl::FromUnixSeconds(10));
  SetCondition(&job, JobCondition::CHECKPOINT_UNUSABLE, "version 4", absl::FromUnixSeconds(20));
  ASSERT_EQ(job.conditions_size(), 1);
  EXPECT_EQ(job.conditions(0).message(), "version 4");
  EXPECT_EQ(job.conditions(0).since().seconds(), 10);
}

TEST(JobConditionsTest, ConditionsAreInOrderOfTypeWhateverCameFirst) {
  cohort::v1::Job job;
  SetCondition(&job, JobCondition::BUDGET_SPENT, "spent", absl::FromUnixSeconds(1));
  SetCondition(&job, JobCondition::STALLED, "waits", absl::FromUnixSeconds(2));
  SetCondition(&job, JobCondition::REPLAY_DIVERGED, "diverged", absl::FromUnixSeconds(3));
  ASSERT_EQ(job.conditions_size(), 3);
  EXPECT_EQ(job.conditions(0).message(), "waits");
  EXPECT_EQ(job.conditions(1).message(), "diverged");
  EXPECT_EQ(job.conditions(2).message(), "spent");
}

TEST(JobConditionsTest, ClearedConditionIsGoneAndBeginsAnewNextTime) {
  cohort::v1::Job job;
  SetCondition(&job, JobCondition::BUDGET_SPENT, "spent", absl::FromUnixSeconds(1));
  SetCondition(&job, JobCondition::STALLED, "waits", absl::FromUnixSeconds(2));
  ClearCondition(&job, JobCondition::BUDGET_SPENT);
  EXPECT_EQ(FindCondition(job, JobCondition::BUDGET_SPENT), nullptr);
  ASSERT_NE(FindCondition(job, JobCondition::STALLED), nullptr);
  ClearCondition(&job, JobCondition::BUDGET_SPENT);
  SetCondition(&job, JobCondition::BUDGET_SPENT, "spent again", absl::FromUnixSeconds(5));
  EXPECT_EQ(FindCondition(job, JobCondition::BUDGET_SPENT)->since().seconds(), 5);
}

}  // namespace
}  // namespace cohort::coordinator
