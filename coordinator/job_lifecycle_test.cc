// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_lifecycle.h"

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::JobState;
using common::StatusIs;
using ::testing::HasSubstr;

std::vector<JobState> AllStates() {
  std::vector<JobState> states;
  for (int number = 1; cohort::v1::JobState_IsValid(number); ++number) states.push_back(static_cast<JobState>(number));
  return states;
}

// Where a request leads from each state; refused from those that are not named.
void ExpectTable(JobRequest request, const std::map<JobState, JobState>& table) {
  for (const JobState state : AllStates()) {
    SCOPED_TRACE(cohort::v1::JobState_Name(state));
    const auto next = AfterRequest(state, request);
    const auto row = table.find(state);
    if (row == table.end()) {
      EXPECT_THAT(next, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(cohort::v1::JobState_Name(state))));
    } else {
      ASSERT_OK(next);
      EXPECT_EQ(*next, row->second) << cohort::v1::JobState_Name(*next);
    }
  }
}

TEST(JobLifecycleTest, StatesAreTheNineOfTheProtocol) { EXPECT_EQ(AllStates().size(), 9u); }

TEST(JobLifecycleTest, OnlyQueuedAndPreemptedJobsAreStarted) {
  ExpectTable(JobRequest::kStart, {{cohort::v1::JOB_STATE_QUEUED, cohort::v1::JOB_STATE_RUNNING},
                                   {cohort::v1::JOB_STATE_PREEMPTED, cohort::v1::JOB_STATE_RUNNING}});
}

TEST(JobLifecycleTest, PauseStopsTheRanksOfARunningJobAndIsDoneAtOnceForOthers) {
  ExpectTable(JobRequest::kPause, {{cohort::v1::JOB_STATE_QUEUED, cohort::v1::JOB_STATE_PAUSED},
                                   {cohort::v1::JOB_STATE_PREEMPTED, cohort::v1::JOB_STATE_PAUSED},
                                   {cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_PAUSING},
                                   {cohort::v1::JOB_STATE_PAUSING, cohort::v1::JOB_STATE_PAUSING},
                                   {cohort::v1::JOB_STATE_PAUSED, cohort::v1::JOB_STATE_PAUSED}});
}

TEST(JobLifecycleTest, ResumeQueuesAPausedJobAndLeavesOneThatGoesOnAlone) {
  ExpectTable(JobRequest::kResume, {{cohort::v1::JOB_STATE_QUEUED, cohort::v1::JOB_STATE_QUEUED},
                                    {cohort::v1::JOB_STATE_PREEMPTED, cohort::v1::JOB_STATE_PREEMPTED},
                                    {cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_RUNNING},
                                    {cohort::v1::JOB_STATE_PAUSING, cohort::v1::JOB_STATE_RUNNING},
                                    {cohort::v1::JOB_STATE_PAUSED, cohort::v1::JOB_STATE_QUEUED}});
}

TEST(JobLifecycleTest, CancelWaitsOnlyForRanksAndIsNeverRefused) {
  ExpectTable(JobRequest::kCancel, {{cohort::v1::JOB_STATE_QUEUED, cohort::v1::JOB_STATE_CANCELLED},
                                    {cohort::v1::JOB_STATE_PREEMPTED, cohort::v1::JOB_STATE_CANCELLED},
                                    {cohort::v1::JOB_STATE_PAUSED, cohort::v1::JOB_STATE_CANCELLED},
                                    {cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_CANCELLING},
                                    {cohort::v1::JOB_STATE_PAUSING, cohort::v1::JOB_STATE_CANCELLING},
                                    {cohort::v1::JOB_STATE_CANCELLING, cohort::v1::JOB_STATE_CANCELLING},
                                    {cohort::v1::JOB_STATE_CANCELLED, cohort::v1::JOB_STATE_CANCELLED},
                                    {cohort::v1::JOB_STATE_SUCCEEDED, cohort::v1::JOB_STATE_SUCCEEDED},
                                    {cohort::v1::JOB_STATE_FAILED, cohort::v1::JOB_STATE_FAILED}});
}

TEST(JobLifecycleTest, PreemptionIsForJobsWithRanksAndChangesNoStateBeforeTheyHaveStopped) {
  ExpectTable(JobRequest::kPreempt, {{cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_RUNNING},
                                     {cohort::v1::JOB_STATE_PAUSING, cohort::v1::JOB_STATE_PAUSING},
                                     {cohort::v1::JOB_STATE_CANCELLING, cohort::v1::JOB_STATE_CANCELLING}});
}

TEST(JobLifecycleTest, OneKindOfStopHasAnotherStateAfterItByItsCause) {
  EXPECT_EQ(AfterStop(cohort::v1::JOB_STATE_RUNNING, StopCause::kNone), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_EQ(AfterStop(cohort::v1::JOB_STATE_RUNNING, StopCause::kRestart), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_EQ(AfterStop(cohort::v1::JOB_STATE_RUNNING, StopCause::kPreemption), cohort::v1::JOB_STATE_PREEMPTED);
  for (const StopCause cause : {StopCause::kNone, StopCause::kRestart, StopCause::kPreemption}) {
    EXPECT_EQ(AfterStop(cohort::v1::JOB_STATE_PAUSING, cause), cohort::v1::JOB_STATE_PAUSED);
    EXPECT_EQ(AfterStop(cohort::v1::JOB_STATE_CANCELLING, cause), cohort::v1::JOB_STATE_CANCELLED);
    for (const JobState state : AllStates()) {
      const bool has_ranks = state == cohort::v1::JOB_STATE_RUNNING || IsStopping(state);
      if (has_ranks) continue;
      EXPECT_EQ(AfterStop(state, cause), state);
    }
  }
}

TEST(JobLifecycleTest, LegalMovesAreTheseAndNoOthers) {
  using Moves = std::map<JobState, std::set<JobState>>;
  const Moves legal = {
      {cohort::v1::JOB_STATE_QUEUED,
       {cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_PAUSED, cohort::v1::JOB_STATE_CANCELLED,
        cohort::v1::JOB_STATE_FAILED}},
      {cohort::v1::JOB_STATE_RUNNING,
       {cohort::v1::JOB_STATE_QUEUED, cohort::v1::JOB_STATE_PAUSING, cohort::v1::JOB_STATE_PREEMPTED,
        cohort::v1::JOB_STATE_CANCELLING, cohort::v1::JOB_STATE_SUCCEEDED, cohort::v1::JOB_STATE_FAILED}},
      {cohort::v1::JOB_STATE_PAUSING,
       {cohort::v1::JOB_STATE_PAUSED, cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_CANCELLING,
        cohort::v1::JOB_STATE_SUCCEEDED, cohort::v1::JOB_STATE_FAILED}},
      {cohort::v1::JOB_STATE_PAUSED,
       {cohort::v1::JOB_STATE_QUEUED, cohort::v1::JOB_STATE_CANCELLED, cohort::v1::JOB_STATE_FAILED}},
      {cohort::v1::JOB_STATE_PREEMPTED,
       {cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_PAUSED, cohort::v1::JOB_STATE_CANCELLED,
        cohort::v1::JOB_STATE_FAILED}},
      {cohort::v1::JOB_STATE_CANCELLING, {cohort::v1::JOB_STATE_CANCELLED, cohort::v1::JOB_STATE_FAILED}}};
  Moves found;
  for (const JobState from : AllStates()) {
    for (const JobState to : AllStates()) {
      if (IsLegalMove(from, to)) found[from].insert(to);
    }
  }
  EXPECT_EQ(found, legal);
}

}  // namespace
}  // namespace cohort::coordinator
