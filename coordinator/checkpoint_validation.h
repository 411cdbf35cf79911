// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CHECKPOINT_VALIDATION_H_
#define COHORT_COORDINATOR_CHECKPOINT_VALIDATION_H_

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// Fills defaults and checks when checkpoints are sealed and which are kept. `evaluation` is the job's, resolved, or an
// empty one. INVALID_ARGUMENT names the field below `checkpoint`. Pure.
absl::Status ResolveCheckpoint(const cohort::v1::EvaluationSpec& evaluation, cohort::v1::CheckpointSpec* checkpoint);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CHECKPOINT_VALIDATION_H_
