// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_BACKOFF_H_
#define COHORT_ROLLOUT_WORKER_BACKOFF_H_

#include <algorithm>

#include "absl/time/time.h"

namespace cohort::rollout_worker {

// How long to wait before the next attempt: 50 ms, doubled after every failure up to 2 s. Not thread-safe.
class Backoff final {
 public:
  absl::Duration Next() {
    const absl::Duration wait = wait_;
    wait_ = std::min(2 * wait_, absl::Seconds(2));
    return wait;
  }
  void Reset() { wait_ = kFirst; }

 private:
  static constexpr absl::Duration kFirst = absl::Milliseconds(50);
  absl::Duration wait_ = kFirst;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_BACKOFF_H_
