// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_LOSS_REDUCTION_H_
#define COHORT_OBJECTIVE_LOSS_REDUCTION_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/objective.h"

namespace cohort::objective {

// omega_t of the loss sum_t omega_t L_t, for the tokens of a microbatch. M and N are the update's totals over all
// ranks, so that the shares of microbatches and ranks add up to the same loss however they were cut:
//
//   token mean                  omega = 1 / M
//   sequence mean, token mean   omega = 1 / (N n_i)
//   sequence mean, token sum    omega = 1 / N
//
// n_i is the number of trained tokens of the token's sequence. Pure. INVALID_ARGUMENT when a total is smaller than the
// microbatch itself.
absl::StatusOr<std::vector<double>> TokenWeights(cohort::v1::LossReduction reduction,
                                                 const std::vector<int64_t>& cu_seqlens, const Denominators& totals);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_LOSS_REDUCTION_H_
