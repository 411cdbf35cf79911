// SPDX-License-Identifier: Apache-2.0
#include "coordinator/change_signal.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace cohort::coordinator {
namespace {

// A synchronous handler learns of a cancelled call only by asking.
constexpr absl::Duration kCancellationCheck = absl::Milliseconds(200);

}  // namespace

int64_t ChangeSignal::count() const {
  absl::MutexLock lock(&mutex_);
  return count_;
}

void ChangeSignal::Notify() {
  absl::MutexLock lock(&mutex_);
  ++count_;
}

void ChangeSignal::Close() {
  absl::MutexLock lock(&mutex_);
  is_closed_ = true;
}

bool ChangeSignal::IsClosed() const {
  absl::MutexLock lock(&mutex_);
  return is_closed_;
}

bool ChangeSignal::WaitBeyond(int64_t seen, absl::Time deadline, const std::function<bool()>& is_cancelled) const {
  const auto has_news = [this, seen]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return is_closed_ || count_ > seen; };
  absl::MutexLock lock(&mutex_);
  while (!has_news()) {
    const absl::Time now = absl::Now();
    if (now >= deadline || is_cancelled()) return false;
    mutex_.AwaitWithDeadline(absl::Condition(&has_news), std::min(deadline, now + kCancellationCheck));
  }
  return !is_closed_;
}

}  // namespace cohort::coordinator
