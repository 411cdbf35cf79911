// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_WATCH_H_
#define COHORT_COORDINATOR_JOB_WATCH_H_

#include <functional>

#include "absl/status/status.h"
#include "cohort/v1/job_service.pb.h"
#include "coordinator/change_signal.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// Where the events of a watch go.
struct EventSink {
  // False when nobody takes any more.
  std::function<bool(const cohort::v1::JobEvent&)> write;
  std::function<bool()> is_cancelled;
};

// JobService.WatchJob: writes events until the job has ended (OK), or all that have happened with `past_only` (OK).
// CANCELLED when the sink does not take any more, UNAVAILABLE when `signal`, which tells of new events, is closed,
// NOT_FOUND without the job, INVALID_ARGUMENT by field. Thread-safe, as the store is.
absl::Status WatchJob(JobStore* store, const ChangeSignal& signal, const cohort::v1::WatchJobRequest& request,
                      const EventSink& sink);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_WATCH_H_
