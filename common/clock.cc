// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"

#include <chrono>

#include "absl/time/clock.h"

namespace cohort::common {
namespace {

class MachineClock final : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }
  absl::Duration Monotonic() override { return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch()); }
};

}  // namespace

Clock* SystemClock() {
  static Clock* const clock = new MachineClock;  // never destroyed: threads may ask for the time until the very end
  return clock;
}

}  // namespace cohort::common
