// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_BACKOFF_H_
#define COHORT_ROLLOUT_WORKER_BACKOFF_H_

#include <algorithm>

#include "absl/time/time.h"

namespace cohort::rollout_worker {

// How long to wait before the next attempt: 50 ms, doubled after every failure up to `longest`. Not thread-safe.
class Backoff final {
 public:
  explicit Backoff(absl::Duration longest = absl::Seconds(2)) : longest_(longest) {}
  absl::Duration Next() {
    const absl::Duration wait = wait_;
    wait_ = std::min(2 * wait_, longest_);
    return wait;
  }
  void Reset() { wait_ = kFirst; }

 private:
  static constexpr absl::Duration kFirst = absl::Milliseconds(50);
  const absl::Duration longest_;
  absl::Duration wait_ = kFirst;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_BACKOFF_H_
