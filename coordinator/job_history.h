// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_HISTORY_H_
#define COHORT_COORDINATOR_JOB_HISTORY_H_

#include "absl/status/statusor.h"
#include "cohort/v1/job_service.pb.h"
#include "coordinator/job_store.h"

// What a job has left behind, of a job in any state, as JobService says. INVALID_ARGUMENT names the field; NOT_FOUND
// when there is no such job, or no such checkpoint. Thread-safe, as the store is.
namespace cohort::coordinator {

absl::StatusOr<cohort::v1::ListCheckpointsResponse> ListCheckpoints(JobStore* store,
                                                                    const cohort::v1::ListCheckpointsRequest& request);
absl::StatusOr<cohort::v1::Checkpoint> GetCheckpoint(JobStore* store, const cohort::v1::GetCheckpointRequest& request);
absl::StatusOr<cohort::v1::ListStepsResponse> ListSteps(JobStore* store, const cohort::v1::ListStepsRequest& request);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_HISTORY_H_
