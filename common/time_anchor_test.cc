// SPDX-License-Identifier: Apache-2.0
#include "common/time_anchor.h"

#include <gtest/gtest.h>

#include "common/testing/simulated_clock.h"

namespace cohort::common {
namespace {

TEST(TimeAnchorTest, DifferencesAreThoseOfTheMonotonicClock) {
  SimulatedClock clock;
  const TimeAnchor anchor(&clock);
  const absl::Duration before = clock.Monotonic();
  clock.Advance(absl::Milliseconds(1500));
  EXPECT_EQ(anchor.At(clock.Monotonic()) - anchor.time(), absl::Milliseconds(1500));
  EXPECT_EQ(anchor.At(before - absl::Seconds(2)), anchor.time() - absl::Seconds(2));
}

}  // namespace
}  // namespace cohort::common
