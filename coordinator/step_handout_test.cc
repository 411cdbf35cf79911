// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_handout.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::IsOkAndHolds;
using common::StatusIs;
using Answer = StepHandout::Answer;

class StepHandoutTest : public ::testing::Test {
 protected:
  StepHandoutTest() { handout_.StartGang(/*incarnation=*/1, /*resume_version=*/3, /*world_size=*/2); }
  absl::StatusOr<Answer> Ask(int32_t rank, int64_t version, bool is_planned = true) {
    return handout_.Ask(rank, version, is_planned);
  }
  StepHandout handout_;
};

TEST_F(StepHandoutTest, RankWaitsUntilThePlanIsThere) {
  EXPECT_THAT(Ask(0, 3, /*is_planned=*/false), IsOkAndHolds(Answer::kWait));
  EXPECT_THAT(Ask(0, 3), IsOkAndHolds(Answer::kTrain));
  EXPECT_EQ(handout_.next_version(), 4);
}

TEST_F(StepHandoutTest, VersionHandedOnceIsTrainedByAllEvenWhenAStopIsAskedMeanwhile) {
  EXPECT_THAT(Ask(0, 3), IsOkAndHolds(Answer::kTrain));
  handout_.PinStop({});
  EXPECT_EQ(handout_.stop()->version(), 4);
  EXPECT_THAT(Ask(1, 3), IsOkAndHolds(Answer::kTrain)) << "the other rank is at the same plan";
  EXPECT_THAT(Ask(0, 4), IsOkAndHolds(Answer::kStop)) << "although a plan is there";
  EXPECT_FALSE(handout_.AllToldToStop());
  EXPECT_THAT(Ask(1, 4), IsOkAndHolds(Answer::kStop));
  EXPECT_TRUE(handout_.AllToldToStop());
}

TEST_F(StepHandoutTest, StopIsPinnedOnce) {
  handout_.PinStop({});
  cohort::v1::StepPlan other;
  other.set_stop_reason("other");
  handout_.PinStop(other);
  EXPECT_EQ(handout_.stop()->stop_reason(), "");
  EXPECT_EQ(handout_.stop()->action(), cohort::v1::STEP_ACTION_STOP);
}

TEST_F(StepHandoutTest, RankAheadOfTheGangIsRefused) {
  EXPECT_THAT(Ask(0, 4), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Ask(0, -1), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(StepHandoutTest, GangThatResumesFromAnOlderVersionIsHandedThePlansSince) {
  handout_.ResumeFrom(1);
  EXPECT_EQ(handout_.next_version(), 1);
  handout_.PinStop({});
  EXPECT_EQ(handout_.stop()->version(), 1) << "no rank has the plan of version 1 yet";
  handout_.StartGang(/*incarnation=*/2, /*resume_version=*/3, /*world_size=*/1);
  handout_.PinStop({});
  handout_.ResumeFrom(1);
  EXPECT_THAT(Ask(0, 1), IsOkAndHolds(Answer::kTrain));
  EXPECT_THAT(Ask(0, 2), IsOkAndHolds(Answer::kTrain));
  EXPECT_THAT(Ask(0, 3), IsOkAndHolds(Answer::kStop));
}

TEST_F(StepHandoutTest, NextGangBeginsWithoutAStop) {
  handout_.PinStop({});
  handout_.StartGang(/*incarnation=*/2, /*resume_version=*/0, /*world_size=*/2);
  EXPECT_FALSE(handout_.stop().has_value());
  EXPECT_THAT(Ask(0, 0), IsOkAndHolds(Answer::kTrain));
}

TEST_F(StepHandoutTest, GangConfirmsVersionsInOrderFromWhereItResumed) {
  EXPECT_TRUE(handout_.IsNextToConfirm(4));
  handout_.Confirm(4);
  EXPECT_FALSE(handout_.IsNextToConfirm(4)) << "it has spoken";
  handout_.Confirm(4);
  EXPECT_TRUE(handout_.IsNextToConfirm(5));
  handout_.ResumeFrom(1);
  EXPECT_TRUE(handout_.IsNextToConfirm(2)) << "it found the checkpoint damaged";
  handout_.SetDiverged();
  handout_.StartGang(/*incarnation=*/2, /*resume_version=*/3, /*world_size=*/2);
  EXPECT_FALSE(handout_.has_diverged());
}

}  // namespace
}  // namespace cohort::coordinator
