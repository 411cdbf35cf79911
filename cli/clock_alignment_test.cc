// SPDX-License-Identifier: Apache-2.0
#include "cli/clock_alignment.h"

#include <gtest/gtest.h>

namespace cohort::cli {
namespace {

absl::Time Second(int64_t seconds) { return absl::FromUnixSeconds(seconds); }

TEST(ClockAlignmentTest, ClocksThatAgreeAreLeftAlone) {
  ClockAlignment clocks;
  clocks.AddReceipt("worker", Second(11), /*sent=*/Second(10));
  clocks.AddSending("worker", Second(20), /*arrived=*/Second(22));
  EXPECT_EQ(clocks.ShiftOf("worker"), absl::ZeroDuration());
  EXPECT_EQ(clocks.UncertaintyOf("worker"), absl::Seconds(3));
  EXPECT_EQ(clocks.ShiftOf("stranger"), absl::ZeroDuration());
  EXPECT_EQ(clocks.UncertaintyOf("stranger"), absl::InfiniteDuration());
}

TEST(ClockAlignmentTest, AClockThatIsAheadIsMovedBackAsFarAsItMust) {
  ClockAlignment clocks;
  clocks.AddReceipt("worker", Second(3611), /*sent=*/Second(10));
  clocks.AddSending("worker", Second(3621), /*arrived=*/Second(22));
  EXPECT_EQ(clocks.ShiftOf("worker"), -absl::Seconds(3599));
  // The quickest message in each direction says the most.
  clocks.AddSending("worker", Second(3631), /*arrived=*/Second(31));
  EXPECT_EQ(clocks.ShiftOf("worker"), -absl::Seconds(3600));
  EXPECT_EQ(clocks.UncertaintyOf("worker"), absl::Seconds(1));
}

TEST(ClockAlignmentTest, AClockThatIsBehindIsMovedForward) {
  ClockAlignment clocks;
  clocks.AddReceipt("worker", Second(5), /*sent=*/Second(10));
  clocks.AddSending("worker", Second(6), /*arrived=*/Second(12));
  EXPECT_EQ(clocks.ShiftOf("worker"), absl::Seconds(5));
}

TEST(ClockAlignmentTest, NothingEndsAfterItHasComeWhateverElseIsSaid) {
  ClockAlignment clocks;
  clocks.AddReceipt("worker", Second(10), /*sent=*/Second(20));
  clocks.AddSending("worker", Second(30), /*arrived=*/Second(25));
  EXPECT_EQ(clocks.ShiftOf("worker"), -absl::Seconds(5));
  EXPECT_EQ(clocks.UncertaintyOf("worker"), absl::ZeroDuration());
}

}  // namespace
}  // namespace cohort::cli
