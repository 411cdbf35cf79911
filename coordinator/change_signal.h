// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CHANGE_SIGNAL_H_
#define COHORT_COORDINATOR_CHANGE_SIGNAL_H_

#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace cohort::coordinator {

// Wakes long polls. A waiter notes the count, looks at the state it cares for, and waits for a higher count: a change
// in between is never missed.
//
//   for (int64_t seen = signal.count();; seen = signal.count()) {
//     if (Look()) break;
//     if (!signal.WaitBeyond(seen, deadline, is_cancelled)) break;
//   }
//
// Thread-safe.
class ChangeSignal final {
 public:
  int64_t count() const;
  void Notify();
  // Ends all waits, now and later.
  void Close();
  bool IsClosed() const;
  // False at the deadline, when closed, and within 200 ms after `is_cancelled` turned true.
  bool WaitBeyond(int64_t seen, absl::Time deadline, const std::function<bool()>& is_cancelled) const;

 private:
  mutable absl::Mutex mutex_;
  int64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CHANGE_SIGNAL_H_
