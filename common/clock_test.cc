// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"

#include <gtest/gtest.h>

#include <functional>

#include "absl/time/clock.h"
#include "common/testing/simulated_clock.h"

namespace cohort::common {
namespace {

// What every clock keeps.
void ExpectMonotonicNeverGoesBack(Clock* clock, const std::function<void()>& let_time_pass) {
  absl::Duration last = clock->Monotonic();
  for (int i = 0; i < 1000; ++i) {
    let_time_pass();
    const absl::Duration now = clock->Monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClockTest, MonotonicNeverGoesBack) {
  ExpectMonotonicNeverGoesBack(SystemClock(), [] {});
}

TEST(SystemClockTest, NowIsTheMachinesTime) {
  const absl::Time before = absl::Now();
  const absl::Time now = SystemClock()->Now();
  EXPECT_GE(now, before);
  EXPECT_LE(now, absl::Now());
}

TEST(SimulatedClockTest, MonotonicNeverGoesBack) {
  SimulatedClock clock;
  ExpectMonotonicNeverGoesBack(&clock, [&] { clock.Advance(absl::Milliseconds(1)); });
  EXPECT_EQ(clock.Monotonic(), absl::Seconds(1));
}

TEST(SimulatedClockTest, StandsStillUntilAdvanced) {
  SimulatedClock clock;
  EXPECT_EQ(absl::FormatTime(clock.Now(), absl::UTCTimeZone()), "2026-01-01T00:00:00+00:00");
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(absl::FormatTime(clock.Now(), absl::UTCTimeZone()), "2026-01-01T01:00:00+00:00");
  EXPECT_EQ(clock.Monotonic(), absl::Hours(1));
}

}  // namespace
}  // namespace cohort::common
