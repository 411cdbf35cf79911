// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CLOCK_H_
#define COHORT_COMMON_CLOCK_H_

#include "absl/time/time.h"

namespace cohort::common {

// Time as a dependency, so that tests never sleep. Thread-safe. testing/simulated_clock.h is the fake.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time, for people and records.
  virtual absl::Time Now() = 0;
  // Never goes back; for leases, deadlines and durations. The origin is arbitrary.
  virtual absl::Duration Monotonic() = 0;
};

// The machine's clock; lives for ever.
Clock* SystemClock();

}  // namespace cohort::common

#endif  // COHORT_COMMON_CLOCK_H_
