// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TOKEN_BATCH_CHECK_H_
#define COHORT_OBJECTIVE_TOKEN_BATCH_CHECK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "objective/token_batch.h"

namespace cohort::objective {

// What a call is going to read of a batch.
struct BatchNeeds {
  int64_t num_groups = 0;  // of the update
  bool policy = false;
  bool policy_entropies = false;
  bool proximal = false;
  bool proximal_entropies = false;
  bool behavior = false;
  bool reference = false;
  bool subsentence_ends = false;
  bool item_ends = false;
};

// The room's entry check: offsets rise, groups are of the update, per-token lists are as long as their sequences,
// segments partition them, tensors that are needed are there, those that are there have one number per token, and every
// number is finite, masked or not. INVALID_ARGUMENT names the tensor and the sequence's label.
template <typename Real>
absl::Status CheckTokenBatch(const TokenBatch<Real>& batch, const BatchNeeds& needs);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TOKEN_BATCH_CHECK_H_
