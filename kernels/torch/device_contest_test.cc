// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/device_contest.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "kernels/side_by_side.h"
#include "kernels/torch/wall_budget.h"

namespace cohort::kernels {
namespace {

const c10::Device kCpu(c10::kCPU);

TEST(DeviceContestTest, WaysTakeTurnsUntilTheRoundsAreDone) {
  std::vector<int> order;
  const DeviceTurns turns = TimeInTurnsOn(kCpu, {[&] { order.push_back(0); }, [&] { order.push_back(1); }},
                                          /*most_rounds=*/3, WallBudget(1e9));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 0, 1, 0, 1}));
  ASSERT_EQ(turns.seconds.size(), 2);
  EXPECT_EQ(turns.seconds[0].size(), 3);
  EXPECT_EQ(turns.seconds[1].size(), 3);
  EXPECT_FALSE(turns.is_cut);
}

TEST(DeviceContestTest, ABudgetThatIsSpentLeavesOneRoundAndSaysSo) {
  int num_calls = 0;
  const DeviceTurns turns = TimeInTurnsOn(kCpu, {[&] { ++num_calls; }}, /*most_rounds=*/3, WallBudget(-1));
  EXPECT_EQ(num_calls, 1);
  EXPECT_EQ(turns.seconds[0].size(), 1);
  EXPECT_TRUE(turns.is_cut);
  EXPECT_FALSE(TimeInTurnsOn(kCpu, {[] {}}, /*most_rounds=*/1, WallBudget(-1)).is_cut);
}

TEST(DeviceContestTest, ContestWithAWrongResultIsNotTimed) {
  int num_calls = 0;
  Contest contest{.name = "wrong", .ours = [&] { ++num_calls; }, .peer = [&] { ++num_calls; }, .allowed = 1};
  contest.yardstick = DeviceCopy(kCpu, /*num_bytes=*/64);
  for (const double difference : {2.0, std::numeric_limits<double>::quiet_NaN()}) {
    contest.difference = difference;
    EXPECT_FALSE(RunContestOn(kCpu, contest, WallBudget(1e9)));
  }
  EXPECT_EQ(num_calls, 0);
  contest.difference = 1;
  EXPECT_TRUE(RunContestOn(kCpu, contest, WallBudget(1e9)));
  EXPECT_GT(num_calls, 0);
}

}  // namespace
}  // namespace cohort::kernels
