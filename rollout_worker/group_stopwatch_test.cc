// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/group_stopwatch.h"

#include <gtest/gtest.h>

#include "common/config/proto_time.h"
#include "common/testing/simulated_clock.h"

namespace cohort::rollout_worker {
namespace {

TEST(GroupStopwatchTest, TimesFollowTheClaimOnTheMonotonicClock) {
  common::SimulatedClock clock;
  clock.Advance(absl::Seconds(100));
  const absl::Time claimed = clock.Now();
  GroupStopwatch stopwatch{common::TimeAnchor(&clock)};
  // Somebody sets the wall clock in the middle.
  clock.SetWallClock(-absl::Hours(5));
  clock.Advance(absl::Seconds(9));
  const absl::Duration end = clock.Monotonic();
  stopwatch.Fetched(4, end - absl::Seconds(9), end - absl::Seconds(7), 1000);
  stopwatch.Sampled(end - absl::Seconds(6), end - absl::Seconds(3));
  stopwatch.Scored(end - absl::Seconds(1), end);
  const cohort::v1::GroupTimings& timings = stopwatch.timings();
  const auto since_claim = [&](const google::protobuf::Timestamp& time) {
    return common::FromProtoTimestamp(time) - claimed;
  };
  EXPECT_EQ(since_claim(timings.claimed_time()), absl::ZeroDuration());
  EXPECT_EQ(since_claim(timings.fetch().begin_time()), absl::ZeroDuration());
  EXPECT_EQ(since_claim(timings.fetch().end_time()), absl::Seconds(2));
  EXPECT_EQ(since_claim(timings.sampling_begin_time()), absl::Seconds(3));
  EXPECT_EQ(since_claim(timings.sampling_end_time()), absl::Seconds(6));
  EXPECT_EQ(since_claim(timings.scoring_begin_time()), absl::Seconds(8));
  EXPECT_EQ(since_claim(timings.scoring_end_time()), absl::Seconds(9));
  EXPECT_EQ(timings.fetch().policy_version(), 4);
  EXPECT_EQ(timings.fetch().num_bytes(), 1000);
}

}  // namespace
}  // namespace cohort::rollout_worker
