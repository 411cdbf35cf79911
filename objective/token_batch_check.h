// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TOKEN_BATCH_CHECK_H_
#define COHORT_OBJECTIVE_TOKEN_BATCH_CHECK_H_

#include "absl/status/status.h"
#include "objective/objective.h"

namespace cohort::objective {

// The room's entry check: shapes and dtypes agree, offsets rise, every number is finite. `needs_rollouts` also demands
// proximal and behaviour log-probs and advantages. INVALID_ARGUMENT names the tensor and, for a number that is not
// finite, the sequence and the token in it.
absl::Status CheckTokenBatch(const TokenBatch& batch, bool needs_rollouts);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TOKEN_BATCH_CHECK_H_
