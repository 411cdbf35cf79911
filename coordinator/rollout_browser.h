// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_ROLLOUT_BROWSER_H_
#define COHORT_COORDINATOR_ROLLOUT_BROWSER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cohort/v1/job_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/dataset_cache.h"

namespace cohort::coordinator {

// JobService.ListRollouts: stored groups with what the rollout log has of them. A call looks at a bounded number of
// groups and reads a bounded part of the log, and its answer stays below 3.5 MiB: a group that does not fit comes in
// several entries, whose completions follow each other. Thread-safe; the context must outlive it.
class RolloutBrowser final {
 public:
  explicit RolloutBrowser(const CoordinatorContext* context) : context_(context), datasets_(context) {}

  // INVALID_ARGUMENT names the field; NOT_FOUND when there is no such job; DATA_LOSS names the record of the log that
  // cannot be read.
  absl::StatusOr<cohort::v1::ListRolloutsResponse> List(const cohort::v1::ListRolloutsRequest& request);

 private:
  const CoordinatorContext* const context_;
  DatasetCache datasets_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_ROLLOUT_BROWSER_H_
