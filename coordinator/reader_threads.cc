// SPDX-License-Identifier: Apache-2.0
#include "coordinator/reader_threads.h"

#include <utility>

namespace cohort::coordinator {

ReaderThreads::ReaderThreads(int count) {
  for (int i = 0; i < count; ++i) threads_.emplace_back(&ReaderThreads::Serve, this);
}

ReaderThreads::~ReaderThreads() {
  Stop();
  for (std::thread& thread : threads_) thread.join();
}

void ReaderThreads::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    is_stopped_ = true;
  }
  is_stopped_.notify_all();
}

void ReaderThreads::Run(Work work) {
  absl::MutexLock lock(&mutex_);
  waiting_.push_back(std::move(work));
}

int64_t ReaderThreads::num_waiting() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int64_t>(waiting_.size());
}

void ReaderThreads::Serve() {
  const auto has_work = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return is_stopped_ || !waiting_.empty(); };
  while (true) {
    Work work;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&has_work));
      if (is_stopped_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace cohort::coordinator
