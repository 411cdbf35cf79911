// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SERVED_JOBS_H_
#define COHORT_COORDINATOR_SERVED_JOBS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

class JobRuntime;

// A running job as rollout workers meet it.
struct ServedJob {
  std::string job;
  cohort::v1::DeviceRequirement worker;
  std::shared_ptr<JobRuntime> runtime;
};

// The running jobs in the order in which workers are theirs, as the queue last decided: at most a tick old, and never
// older than the last start of a job. Thread-safe; reading copies a pointer, so a claim does not wait for the queue.
class ServedJobs final {
 public:
  using List = std::vector<ServedJob>;

  // True when other jobs are served than before, or in another order.
  bool Set(List jobs);
  std::shared_ptr<const List> Get() const;

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const List> jobs_ ABSL_GUARDED_BY(mutex_) = std::make_shared<const List>();
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SERVED_JOBS_H_
