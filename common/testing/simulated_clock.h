// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TESTING_SIMULATED_CLOCK_H_
#define COHORT_COMMON_TESTING_SIMULATED_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"

namespace cohort::common {

// A clock that stands still until Advance: starts at 2026-01-01T00:00:00Z and monotonic 0. Thread-safe.
class SimulatedClock final : public Clock {
 public:
  absl::Time Now() override {
    absl::MutexLock lock(&mutex_);
    return start_ + elapsed_ + wall_offset_;
  }
  absl::Duration Monotonic() override {
    absl::MutexLock lock(&mutex_);
    return elapsed_;
  }
  void Advance(absl::Duration duration) {
    absl::MutexLock lock(&mutex_);
    elapsed_ += duration;
  }
  // Somebody sets the wall clock, forward or back.
  void SetWallClock(absl::Duration change) {
    absl::MutexLock lock(&mutex_);
    wall_offset_ += change;
  }

 private:
  const absl::Time start_ = absl::FromUnixSeconds(1767225600);
  absl::Mutex mutex_;
  absl::Duration elapsed_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  absl::Duration wall_offset_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TESTING_SIMULATED_CLOCK_H_
