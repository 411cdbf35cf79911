// SPDX-License-Identifier: Apache-2.0
#include "kernels/side_by_side.h"

#include <gtest/gtest.h>

#include <limits>
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
