// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_GMPO_H_
#define COHORT_OBJECTIVE_PRESETS_GMPO_H_

namespace cohort::objective {

// GMPO: "Geometric-Mean Policy Optimization", arXiv 2507.20673. Tokens are clipped one-sidedly in log space, then
// averaged geometrically; no outer clip.
//
//   l'_t  = min(x_t - o_t, c) for A > 0,  max(x_t - o_t, -c) for A < 0
//   rho_i = exp(1 / n_i sum_t m_t l'_t)          L = -1 / N sum_i A_i rho_i
//   g_t   = -A_i rho_i / (N n_i) where x_t - o_t is not clipped, else 0
//
// c = 0.4 is the paper's; verl reads it from its clip ratio, 0.2 by default. verl averages over the rows of a
// microbatch, ours over the update. mismatch.level sequence_mean combines a sequence's correction geometrically, as the
// reference does.
inline constexpr char kGmpoPreset[] = R"pb(
  branches {
    level: SEGMENT_LEVEL_RESPONSE
    flow: GRADIENT_FLOW_THROUGH
    kind: SURROGATE_KIND_UNCLIPPED
    token_log_clip: 0.4
  }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_GMPO_H_
