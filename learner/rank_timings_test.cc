// SPDX-License-Identifier: Apache-2.0
#include "learner/rank_timings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/config/proto_time.h"
#include "common/testing/simulated_clock.h"

namespace cohort::learner {
namespace {

using common::FromProtoTimestamp;

// Waits `wait_seconds`, then two microbatches with a forward pass of one second and a backward pass of two.
PhaseTimer TimedStep(common::SimulatedClock* clock, int wait_seconds) {
  PhaseTimer timer(clock);
  clock->Advance(absl::Seconds(wait_seconds));
  timer.Mark(Phase::kWait);
  for (int microbatch = 0; microbatch < 2; ++microbatch) {
    clock->Advance(absl::Seconds(1));
    timer.Mark(Phase::kForward);
    clock->Advance(absl::Seconds(2));
    timer.Mark(Phase::kBackward);
  }
  return timer;
}

TEST(RankTimingsTest, APhaseLastsFromItsFirstBeginToItsLastEnd) {
  common::SimulatedClock clock;
  const absl::Time start = clock.Now();
  RankTimingTable table(0, 1, TimedStep(&clock, 5));
  const auto ranks = table.Timings();
  ASSERT_EQ(ranks.size(), 1u);
  ASSERT_EQ(ranks[0].phases_size(), 3);  // nothing of the phases that there were not
  EXPECT_EQ(ranks[0].phases(0).phase(), "wait");
  EXPECT_EQ(FromProtoTimestamp(ranks[0].phases(0).begin_time()), start);
  EXPECT_EQ(FromProtoTimestamp(ranks[0].phases(0).end_time()), start + absl::Seconds(5));
  EXPECT_EQ(ranks[0].phases(1).phase(), "forward");
  EXPECT_EQ(FromProtoTimestamp(ranks[0].phases(1).begin_time()), start + absl::Seconds(5));
  EXPECT_EQ(FromProtoTimestamp(ranks[0].phases(1).end_time()), start + absl::Seconds(9));
  EXPECT_EQ(ranks[0].phases(1).busy_time().seconds(), 2);
  EXPECT_EQ(ranks[0].phases(2).phase(), "backward");
  EXPECT_EQ(FromProtoTimestamp(ranks[0].phases(2).end_time()), start + absl::Seconds(11));
  EXPECT_EQ(ranks[0].phases(2).busy_time().seconds(), 4);
}

TEST(RankTimingsTest, AWallClockThatIsSetChangesNoDuration) {
  common::SimulatedClock clock;
  PhaseTimer timer(&clock);
  clock.Advance(absl::Seconds(1));
  clock.SetWallClock(absl::Hours(3));
  timer.Mark(Phase::kWait);
  const auto ranks = RankTimingTable(0, 1, timer).Timings();
  ASSERT_EQ(ranks[0].phases_size(), 1);
  const auto& wait = ranks[0].phases(0);
  EXPECT_EQ(FromProtoTimestamp(wait.end_time()) - FromProtoTimestamp(wait.begin_time()), absl::Seconds(1));
}

TEST(RankTimingsTest, TheLargestNumbersAreThoseOfEveryRank) {
  common::SimulatedClock clock;
  const absl::Time start = clock.Now();
  RankTimingTable first(0, 2, TimedStep(&clock, 1));
  RankTimingTable second(1, 2, TimedStep(&clock, 3));
  ASSERT_EQ(first.numbers()->size(), second.numbers()->size());
  for (size_t i = 0; i < first.numbers()->size(); ++i) {
    (*first.numbers())[i] = std::max((*first.numbers())[i], (*second.numbers())[i]);
  }
  const auto ranks = first.Timings();
  ASSERT_EQ(ranks.size(), 2u);
  EXPECT_EQ(ranks[1].rank(), 1);
  ASSERT_EQ(ranks[1].phases_size(), 3);
  EXPECT_EQ(ranks[0].phases(0).busy_time().seconds(), 1);
  EXPECT_EQ(ranks[1].phases(0).busy_time().seconds(), 3);
  EXPECT_EQ(FromProtoTimestamp(ranks[1].phases(0).begin_time()), start + absl::Seconds(7));
}

}  // namespace
}  // namespace cohort::learner
