// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_SAPO_H_
#define COHORT_OBJECTIVE_PRESETS_SAPO_H_

namespace cohort::objective {

// SAPO: "Soft Adaptive Policy Optimization", arXiv 2511.20347. A sigmoid gate instead of a clip.
//
//   L   = -sum_t omega_t (4 / tau) sigmoid(tau (r_t - 1)) A,   omega_t = 1 / (N n_i),  tau by the sign of A
//   g_t = -omega_t A r_t 4 s (1 - s),   s = sigmoid(tau (r_t - 1));  -omega_t A at r_t = 1
//
// tau is 1.0 for A > 0 and 1.05 for A <= 0: negative advantages fade faster off-policy.
inline constexpr char kSapoPreset[] = R"pb(
  branches { level: SEGMENT_LEVEL_TOKEN kind: SURROGATE_KIND_SAPO tau_positive: 1.0 tau_negative: 1.05 }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_SAPO_H_
