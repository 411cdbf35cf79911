// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_CACHE_H_
#define COHORT_COORDINATOR_DATASET_CACHE_H_

#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/job_data.h"

namespace cohort::coordinator {

// The datasets of jobs that people read lately, opened apart from the jobs: to open one may read its file once. Keeps a
// few jobs for a minute each, the last one read longest. Thread-safe; the context must outlive it.
class DatasetCache final {
 public:
  explicit DatasetCache(const CoordinatorContext* context) : context_(context) {}

  // Null when the files are gone or not those of the submit.
  std::shared_ptr<const JobData> DataOf(const JobRecord& record);

 private:
  // Two readers of one job wait for one reading, those of other jobs for none.
  struct Opening {
    absl::Notification is_done;
    std::shared_ptr<const JobData> data;  // constant from then on
  };
  struct Entry {
    std::string job;
    int64_t sequence = 0;  // of the job: a name may be taken again
    std::shared_ptr<Opening> opening;
    absl::Duration opened;
  };

  // True for the one who is to open it.
  std::pair<std::shared_ptr<Opening>, bool> FindOrAdd(const JobRecord& record);

  const CoordinatorContext* const context_;
  absl::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_CACHE_H_
