// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_READER_THREADS_H_
#define COHORT_COORDINATOR_READER_THREADS_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cohort::coordinator {

// A few threads that read datasets, or weights, for jobs that are taken up: one at a time each, in the order in which
// they were asked to. What waits is bounded by the jobs, each of which has one reading; the size of the disks is asked
// for here, too, once at a time. Thread-safe.
class ReaderThreads final {
 public:
  using Work = std::function<void()>;

  explicit ReaderThreads(int count);
  // Drops what has not begun, and waits for what has; that ends soon when it looks at is_stopped().
  ~ReaderThreads();
  ReaderThreads(const ReaderThreads&) = delete;
  ReaderThreads& operator=(const ReaderThreads&) = delete;

  void Run(Work work);
  // That no thread has begun.
  int64_t num_waiting() const;
  // Work that has not begun is not done any more. Waits for nothing.
  void Stop();
  // Turns true with Stop, or when the destructor begins. For DatasetRoots::is_stopped.
  const std::atomic<bool>* is_stopped() const { return &is_stopped_; }

 private:
  void Serve();

  std::atomic<bool> is_stopped_{false};
  mutable absl::Mutex mutex_;
  std::deque<Work> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_READER_THREADS_H_
