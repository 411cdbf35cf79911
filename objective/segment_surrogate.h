// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_SEGMENT_SURROGATE_H_
#define COHORT_OBJECTIVE_SEGMENT_SURROGATE_H_

#include <span>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/branch_statistics.h"
#include "objective/clip_range.h"
#include "objective/segment_ratio.h"

namespace cohort::objective {

struct SurrogateLoss {
  double loss = 0;
  BranchStatistics statistics;
};

// One branch of the loss, with v_t = omega_t c_t w_t:
//
//   clip       u_t = min(min(rho, delta) A_t, clip(rho, lo, hi) A_t); for A_t < 0 at least dual_clip A_t
//   cispo      u_t = sg[clip(rho, lo, hi)] A_t x_t
//   sapo       u_t = (4 / tau) sigmoid(tau (rho - 1)) A_t,  tau by the sign of A_t
//   unclipped  u_t = rho A_t
//   L          = -sum_t m_t v_t u_t
//
// Adds dL/dx to gradient_T. On a bound the gradient flows. Tokens that are not trained get exactly 0.
template <typename Real>
SurrogateLoss AddSurrogate(const cohort::v1::RatioBranch& branch, const RatioInputs<Real>& inputs,
                           const ClipRange& range, std::span<const double> weights_T, std::span<Real> gradient_T);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_SEGMENT_SURROGATE_H_
