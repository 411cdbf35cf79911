// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TIME_ANCHOR_H_
#define COHORT_COMMON_TIME_ANCHOR_H_

#include "absl/time/time.h"
#include "common/clock.h"

namespace cohort::common {

// One moment on both clocks of a process. Readings of the monotonic clock become wall times whose differences hold also
// when the wall clock is set meanwhile. Value type.
class TimeAnchor final {
 public:
  TimeAnchor() = default;
  // Now.
  explicit TimeAnchor(Clock* clock) : wall_(clock->Now()), monotonic_(clock->Monotonic()) {}

  absl::Time At(absl::Duration monotonic) const { return wall_ + (monotonic - monotonic_); }
  absl::Time time() const { return wall_; }

 private:
  absl::Time wall_;
  absl::Duration monotonic_;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TIME_ANCHOR_H_
