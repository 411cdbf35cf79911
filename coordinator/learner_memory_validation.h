// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_LEARNER_MEMORY_VALIDATION_H_
#define COHORT_COORDINATOR_LEARNER_MEMORY_VALIDATION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"
#include "model/weights/model_folder.h"

namespace cohort::coordinator {

// Whether a rank of a training job fits into `rank_memory_bytes`, or into scheduling.rank.min_memory_bytes where that
// is more: what model/memory_estimate.h counts on every rank, without what rank 0's host holds besides. 0 or less: how
// much a rank has is not known, and every job passes. INVALID_ARGUMENT shows the sum. `spec` is resolved. Pure.
absl::Status CheckLearnerMemory(const cohort::v1::JobSpec& spec, const model::ModelFolderSummary& model,
                                int64_t longest_sequence_tokens, int64_t rank_memory_bytes);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_LEARNER_MEMORY_VALIDATION_H_
