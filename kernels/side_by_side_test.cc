// SPDX-License-Identifier: Apache-2.0
#include "kernels/side_by_side.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace cohort::kernels {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Contest With(double difference, std::optional<double> peer_error = std::nullopt) {
  Contest contest;
  contest.difference = difference;
  contest.allowed = 1e-5;
  contest.peer_error = peer_error;
  return contest;
}

TEST(SideBySideTest, DifferenceFromThePeerMustBeWithinTheBound) {
  EXPECT_TRUE(IsAccepted(With(1e-5)));
  EXPECT_FALSE(IsAccepted(With(1.1e-5)));
  EXPECT_FALSE(IsAccepted(With(kNaN)));
}

TEST(SideBySideTest, ErrorBeyondTheBoundPassesOnlyIfThePeersIsNoSmaller) {
  EXPECT_TRUE(IsAccepted(With(1e-6, 0)));
  EXPECT_TRUE(IsAccepted(With(6e-5, 6e-5)));
  EXPECT_FALSE(IsAccepted(With(6e-5, 5e-5)));
  EXPECT_FALSE(IsAccepted(With(kNaN, 1)));
  EXPECT_FALSE(IsAccepted(With(6e-5, kNaN)));
}

TEST(SideBySideTest, ContestWithAWrongResultIsNotTimed) {
  int num_calls = 0;
  Contest contest = With(1);
  contest.ours = contest.peer = [&num_calls] { ++num_calls; };
  EXPECT_FALSE(RunContest(contest));
  EXPECT_EQ(num_calls, 0);
}

TEST(SideBySideTest, DifferenceThatIsNotANumberIsNotLost) {
  EXPECT_EQ(LargerOrNan(1, 2), 2);
  EXPECT_EQ(LargerOrNan(2, 1), 2);
  EXPECT_TRUE(std::isnan(LargerOrNan(1, kNaN)));
  EXPECT_TRUE(std::isnan(LargerOrNan(kNaN, 1)));
}

TEST(SideBySideTest, WaysTakeTurns) {
  std::string order;
  const auto seconds = TimeInTurns({[&order] { order += 'a'; }, [&order] { order += 'b'; }}, /*num_rounds=*/3,
                                   /*num_threads=*/1);
  EXPECT_EQ(order, "ababab");
  ASSERT_EQ(seconds.size(), 2u);
  EXPECT_EQ(seconds[0].size(), 3u);
  EXPECT_EQ(seconds[1].size(), 3u);
}

TEST(SideBySideTest, RatioIsTheMedianOfTheRoundsWithTheirRange) {
  EXPECT_EQ(RatioText(/*peer=*/{3, 8, 5}, /*ours=*/{2, 2, 2}), "2.50 (1.50-4.00)");
}

TEST(SideBySideTest, MemoryCopyCountsWhatItsThreadsReadAndWrite) {
  for (const int num_threads : {1, 3}) {
    const Yardstick copy = MemoryCopy(num_threads);
    copy.run();
    EXPECT_NEAR(copy.work, 256 << 20, 4) << num_threads;
  }
}

TEST(SideBySideTest, ThreadsAreTheFirstArgumentAndOneWithoutIt) {
  std::string program = "benchmark", number = "3", text = "3x";
  std::vector<char*> arguments = {program.data()};
  EXPECT_EQ(ThreadsArgument(1, arguments.data()), 1);
  arguments.push_back(number.data());
  EXPECT_EQ(ThreadsArgument(2, arguments.data()), 3);
  arguments[1] = text.data();
  EXPECT_EXIT(ThreadsArgument(2, arguments.data()), testing::ExitedWithCode(2), "usage: benchmark");
}

}  // namespace
}  // namespace cohort::kernels
