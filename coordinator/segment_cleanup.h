// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SEGMENT_CLEANUP_H_
#define COHORT_COORDINATOR_SEGMENT_CLEANUP_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "coordinator/job_store.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {

// Deletes segments of the rollout log that no group of any job refers to, oldest first, at most `limit` of them, and
// returns how many. Nothing that is being stored is lost: records count as referred to until they are settled.
absl::StatusOr<int64_t> RemoveUnusedSegments(JobStore* store, rollout_log::RolloutLog* log, int64_t limit);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SEGMENT_CLEANUP_H_
