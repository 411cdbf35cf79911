// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/worker_condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace cohort::rollout_worker {
namespace {

using ::testing::HasSubstr;

class WorkerConditionTest : public ::testing::Test {
 protected:
  common::Health health_;
  WorkerCondition condition_{&health_};
};

TEST_F(WorkerConditionTest, ReadyOnceTheCoordinatorHasAnswered) {
  EXPECT_FALSE(health_.IsReady());
  condition_.FoundNoWork();
  EXPECT_FALSE(health_.IsReady());
  condition_.CoordinatorAnswered("");
  EXPECT_TRUE(health_.IsReady());
  condition_.CoordinatorFailed(absl::UnavailableError("gone"));
  EXPECT_THAT(health_.Reason(), HasSubstr("coordinator: UNAVAILABLE: gone"));
  condition_.CoordinatorAnswered("");
  EXPECT_TRUE(health_.IsReady());
}

TEST_F(WorkerConditionTest, AnswerOfTheCoordinatorDoesNotHideFailingGroups) {
  condition_.GroupFailed(absl::NotFoundError("model: no such folder"));
  condition_.CoordinatorAnswered("");
  EXPECT_THAT(health_.Reason(), HasSubstr("model: no such folder"));
  EXPECT_TRUE(condition_.IsFailing());
  condition_.GroupScored();
  EXPECT_TRUE(health_.IsReady());
  EXPECT_FALSE(condition_.IsFailing());
}

TEST_F(WorkerConditionTest, CoordinatorThatTakesNoGroupsIsToldThoughItAnswers) {
  condition_.CoordinatorAnswered("");
  condition_.SubmitFailed(absl::ResourceExhaustedError("disk is full"));
  condition_.CoordinatorAnswered("");
  EXPECT_THAT(health_.Reason(), HasSubstr("submitting groups: RESOURCE_EXHAUSTED: disk is full"));
  condition_.SubmitAnswered();
  EXPECT_TRUE(health_.IsReady());
}

TEST_F(WorkerConditionTest, PauseGrowsOncePerClaimUntilAGroupSucceeds) {
  EXPECT_EQ(condition_.TakePause(), absl::ZeroDuration());
  absl::Duration last;
  for (int claim = 0; claim < 12; ++claim) {
    for (int group = 0; group < 5; ++group) condition_.GroupFailed(absl::InternalError("no"));
    const absl::Duration pause = condition_.TakePause();
    EXPECT_TRUE(pause == 2 * last || claim == 0 || pause == absl::Seconds(10)) << pause;
    EXPECT_EQ(condition_.TakePause(), absl::ZeroDuration());
    last = pause;
  }
  EXPECT_EQ(last, absl::Seconds(10));
  condition_.GroupScored();
  condition_.GroupFailed(absl::InternalError("no"));
  EXPECT_LT(condition_.TakePause(), absl::Seconds(1));
}

TEST_F(WorkerConditionTest, IdlePollWithoutWorkEndsTheComplaint) {
  condition_.CoordinatorAnswered("");
  condition_.GroupFailed(absl::InternalError("no"));
  condition_.FoundNoWork();
  EXPECT_TRUE(health_.IsReady());
}

TEST_F(WorkerConditionTest, WorkerThatIsSetAsideIsNotReadyUntilTheCoordinatorWouldGiveItGroups) {
  condition_.CoordinatorAnswered("after 3 failures (bad weights)");
  EXPECT_EQ(health_.Reason(), "set aside by the coordinator: after 3 failures (bad weights)");
  condition_.GroupScored();
  EXPECT_FALSE(health_.IsReady()) << "it may be its scores that are refused";
  condition_.GroupFailed(absl::InternalError("no"));
  EXPECT_THAT(health_.Reason(), HasSubstr("groups fail: INTERNAL: no"));
  condition_.CoordinatorAnswered("");
  condition_.GroupScored();
  EXPECT_TRUE(health_.IsReady());
}

TEST_F(WorkerConditionTest, SandboxThatNeverRunsIsFatal) {
  for (int i = 0; i < 5; ++i) condition_.SandboxFailed(absl::UnavailableError("zygote is gone"));
  condition_.GroupScored();
  for (int i = 0; i < 5; ++i) condition_.SandboxFailed(absl::UnavailableError("zygote is gone"));
  EXPECT_OK(condition_.fatal());
  condition_.SandboxFailed(absl::UnavailableError("zygote is gone"));
  EXPECT_THAT(condition_.fatal(), common::StatusIs(absl::StatusCode::kUnavailable, HasSubstr("zygote is gone")));
}

TEST_F(WorkerConditionTest, DrainingStaysWhateverElseHappens) {
  condition_.Drain();
  condition_.CoordinatorAnswered("");
  condition_.GroupScored();
  EXPECT_EQ(health_.Reason(), "draining");
}

}  // namespace
}  // namespace cohort::rollout_worker
