// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_vitals.h"

#include "coordinator/job_conditions.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::JobCondition;

constexpr int64_t kNow = 1000;

cohort::v1::Job Fill(const JobVitals& vitals, cohort::v1::JobState state, absl::Duration stalled) {
  cohort::v1::Job job;
  job.set_state(state);
  vitals.FillIn("2 learner ranks to join", stalled, absl::FromUnixSeconds(kNow), &job);
  return job;
}

TEST(JobVitalsTest, JobHasMovedWhenItsProgressWasLastSeenToRise) {
  JobVitals vitals;
  vitals.Look(1, absl::Seconds(10));
  vitals.Look(1, absl::Seconds(20));
  EXPECT_EQ(vitals.MovedAt(1, absl::Seconds(25)), absl::Seconds(10));
  EXPECT_EQ(vitals.MovedAt(2, absl::Seconds(25)), absl::Seconds(25)) << "since the last look";
  vitals.Look(2, absl::Seconds(30));
  EXPECT_EQ(vitals.MovedAt(2, absl::Seconds(31)), absl::Seconds(30));
}

TEST(JobVitalsTest, StallIsSaidWithinThirtySecondsWithItsBeginAndWhatIsWaitedFor) {
  const JobVitals vitals;
  const auto moving = Fill(vitals, cohort::v1::JOB_STATE_RUNNING, absl::Seconds(20));
  EXPECT_EQ(moving.conditions_size(), 0);
  EXPECT_EQ(moving.waits_for(), "2 learner ranks to join");
  EXPECT_EQ(moving.waits_since().seconds(), kNow - 20);
  const auto stalled = Fill(vitals, cohort::v1::JOB_STATE_QUEUED, absl::Seconds(29));
  ASSERT_NE(FindCondition(stalled, JobCondition::STALLED), nullptr);
  EXPECT_EQ(stalled.conditions(0).message(), "waits for 2 learner ranks to join");
  EXPECT_EQ(stalled.conditions(0).since().seconds(), kNow - 29);
  EXPECT_EQ(Fill(vitals, cohort::v1::JOB_STATE_PAUSED, absl::Hours(9)).conditions_size(), 0) << "nobody is late";
}

TEST(JobVitalsTest, TroubleOfStorageKeepsItsBeginUntilItIsOver) {
  JobVitals vitals;
  EXPECT_TRUE(vitals.store().Note(absl::UnavailableError("disk full"), absl::FromUnixSeconds(5)));
  EXPECT_FALSE(vitals.store().Note(absl::UnavailableError("disk full"), absl::FromUnixSeconds(6)));
  EXPECT_TRUE(vitals.store().Note(absl::UnavailableError("disk gone"), absl::FromUnixSeconds(7)));
  const auto job = Fill(vitals, cohort::v1::JOB_STATE_RUNNING, absl::ZeroDuration());
  ASSERT_NE(FindCondition(job, JobCondition::STORAGE_TROUBLE), nullptr);
  EXPECT_EQ(job.conditions(0).message(), "disk gone");
  EXPECT_EQ(job.conditions(0).since().seconds(), 5);
  EXPECT_FALSE(vitals.store().Note(absl::OkStatus(), absl::FromUnixSeconds(8)));
  EXPECT_EQ(Fill(vitals, cohort::v1::JOB_STATE_RUNNING, absl::ZeroDuration()).conditions_size(), 0);
  vitals.rollout_log().Note(absl::UnavailableError("log full"), absl::FromUnixSeconds(9));
  vitals.processors().Note(absl::FailedPreconditionError("epyc, xeon"), absl::FromUnixSeconds(9));
  EXPECT_EQ(Fill(vitals, cohort::v1::JOB_STATE_RUNNING, absl::ZeroDuration()).conditions_size(), 2);
}

TEST(JobVitalsTest, OnlyAJobThatIsQueuedHasAPlaceInTheQueue) {
  JobVitals vitals;
  vitals.SetQueuePlace(3, "1 of 2 matching ranks");
  EXPECT_EQ(vitals.queue_reason(), "1 of 2 matching ranks");
  EXPECT_EQ(Fill(vitals, cohort::v1::JOB_STATE_QUEUED, absl::ZeroDuration()).queue_position(), 3);
  EXPECT_EQ(Fill(vitals, cohort::v1::JOB_STATE_PREEMPTED, absl::ZeroDuration()).queue_position(), 3);
  EXPECT_EQ(Fill(vitals, cohort::v1::JOB_STATE_RUNNING, absl::ZeroDuration()).queue_position(), 0);
}

}  // namespace
}  // namespace cohort::coordinator
