// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CHANGED_JOBS_H_
#define COHORT_COORDINATOR_CHANGED_JOBS_H_

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cohort::coordinator {

// Jobs of which the queue does not know yet what it must know: new, changed or gone. Thread-safe.
class ChangedJobs final {
 public:
  void Add(std::string_view job) {
    absl::MutexLock lock(&mutex_);
    jobs_.insert(std::string(job));
  }
  // All that were added since the last call. A change that comes while they are looked at is in the next.
  std::set<std::string> Take() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(jobs_, {});
  }

 private:
  absl::Mutex mutex_;
  std::set<std::string> jobs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CHANGED_JOBS_H_
