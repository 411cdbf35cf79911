// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SHUTDOWN_H_
#define COHORT_COMMON_SHUTDOWN_H_

#include "absl/time/time.h"

namespace cohort::common {

// SIGTERM and SIGINT as a condition to wait for. One per process, made first in main, before any thread starts (the
// signals are blocked in all threads and taken by one of its own). Thread-safe.
class Shutdown final {
 public:
  // Blocks the signals and starts the waiting thread. A second signal while draining is ignored.
  Shutdown();
  ~Shutdown();
  Shutdown(const Shutdown&) = delete;
  Shutdown& operator=(const Shutdown&) = delete;

  // A signal has come, or Request was called.
  bool IsRequested() const;
  // What a signal does.
  void Request();
  // True at once when requested, false after `timeout`.
  bool WaitFor(absl::Duration timeout) const;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_SHUTDOWN_H_
