// SPDX-License-Identifier: Apache-2.0
#include "coordinator/schedule_validation.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ScheduleValidationTest, ShareOfErroredGroupsIsFilledIn) {
  cohort::v1::RolloutSpec rollout;
  ASSERT_OK(ResolveSchedule(&rollout));
  EXPECT_EQ(rollout.max_errored_share(), 0.5);
  EXPECT_FALSE(rollout.has_max_lag());
  rollout.set_max_errored_share(0);
  ASSERT_OK(ResolveSchedule(&rollout));
  EXPECT_EQ(rollout.max_errored_share(), 0) << "none may be given up";
}

TEST(ScheduleValidationTest, OneScheduleAtATime) {
  cohort::v1::RolloutSpec rollout;
  rollout.set_fixed_lag(1);
  rollout.set_max_lag(0);
  EXPECT_THAT(ResolveSchedule(&rollout),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(StartsWith("max_lag: "), HasSubstr("fixed_lag (1)"))));
  rollout.set_fixed_lag(0);
  EXPECT_OK(ResolveSchedule(&rollout));
}

TEST(ScheduleValidationTest, BoundsAreNamed) {
  cohort::v1::RolloutSpec rollout;
  rollout.set_max_lag(65);
  EXPECT_THAT(ResolveSchedule(&rollout), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("max_lag: ")));
  rollout.set_max_lag(-1);
  EXPECT_THAT(ResolveSchedule(&rollout), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("max_lag: ")));
  rollout.set_max_lag(1);
  rollout.set_max_errored_share(1.5);
  EXPECT_THAT(ResolveSchedule(&rollout),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("max_errored_share: ")));
}

}  // namespace
}  // namespace cohort::coordinator
