// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_REFERENCE_KL_H_
#define COHORT_OBJECTIVE_REFERENCE_KL_H_

#include <span>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/segment_ratio.h"
#include "objective/token_batch.h"

namespace cohort::objective {

struct KlLoss {
  double loss = 0;
  double sum_kl = 0;  // of k, over the trained tokens
};

// The penalty in the loss, beta sum_t omega_t k(x_t, f_t), with k of kl_penalty.h. Importance-weighted (DeepSeek-V3.2)
// k becomes rho k with the ratio of the first branch, which then also carries a gradient:
//
//   token level   d (r k) / dx = r (k + k')
//   segments      g_t = beta [omega_t rho_S k'_t + what rho_S passes on of sum_{t' in S} omega_t' k_t' rho_S]
//
// Adds the gradient to gradient_T.
template <typename Real>
KlLoss AddReferenceKl(const cohort::v1::KlSpec& spec, const cohort::v1::RatioBranch& first_branch,
                      const RatioInputs<Real>& inputs, std::span<const Real> reference_T,
                      std::span<const double> weights_T, std::span<Real> gradient_T);

// The penalty in the reward: A_t -= beta k(o_t, f_t), once, without a gradient.
template <typename Real>
void SubtractKlFromAdvantages(const cohort::v1::KlSpec& spec, const TokenBatch<Real>& batch,
                              std::span<double> advantages_T);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_REFERENCE_KL_H_
