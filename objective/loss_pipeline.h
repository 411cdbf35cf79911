// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_LOSS_PIPELINE_H_
#define COHORT_OBJECTIVE_LOSS_PIPELINE_H_

#include "cohort/v1/objective_spec.pb.h"
#include "objective/loss_and_gradient.h"
#include "objective/token_batch.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// The loss of one checked microbatch under a resolved spec, with v_{b,t} of segment_surrogate.h or mixed_ratio.h:
//
//   L = -sum_t omega_t c_t sum_b w_{b,t} u_{b,t} + beta sum_t omega_t k(x_t, f_t) - gamma sum_t omega_t H_t(x)
//
// Pure.
template <typename Real>
LossAndGradient<Real> RolloutLoss(const cohort::v1::ObjectiveSpec& spec, const TokenBatch<Real>& batch,
                                  const UpdateStatistics& statistics);

// L = -sum_t omega_t x_t.
template <typename Real>
LossAndGradient<Real> DemonstrationLoss(const cohort::v1::ObjectiveSpec& spec, const TokenBatch<Real>& batch,
                                        const UpdateStatistics& statistics);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_LOSS_PIPELINE_H_
