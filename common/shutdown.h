// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SHUTDOWN_H_
#define COHORT_COMMON_SHUTDOWN_H_

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace cohort::common {

// SIGTERM and SIGINT as a condition to wait for. One per process, made first in main, before any thread starts (the
// signals are blocked in all threads and taken by one of its own). Thread-safe.
class Shutdown final {
 public:
  // Blocks the signals and starts the waiting thread. A second signal while draining is ignored.
  Shutdown();
  // The signals stay blocked: one that comes during exit changes nothing.
  ~Shutdown();
  Shutdown(const Shutdown&) = delete;
  Shutdown& operator=(const Shutdown&) = delete;

  // A signal has come, or Request was called.
  bool IsRequested() const;
  // What a signal does.
  void Request();
  // True at once when requested, false after `timeout`.
  bool WaitFor(absl::Duration timeout) const;

 private:
  void TakeSignals();

  mutable absl::Mutex mutex_;
  bool requested_ ABSL_GUARDED_BY(mutex_) = false;
  int signal_fd_ = -1;
  int stop_fd_ = -1;
  std::thread thread_;
};

// For a child between fork and exec: a child inherits the blocked signals (and SIGPIPE ignored) and could not be
// stopped by SIGTERM. Unblocks every signal and puts SIGTERM, SIGINT and SIGPIPE back to their defaults.
// Async-signal-safe.
void RestoreDefaultSignals();

}  // namespace cohort::common

#endif  // COHORT_COMMON_SHUTDOWN_H_
