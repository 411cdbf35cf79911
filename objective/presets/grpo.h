// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_GRPO_H_
#define COHORT_OBJECTIVE_PRESETS_GRPO_H_

namespace cohort::objective {

// GRPO: Shao et al., "DeepSeekMath", arXiv 2402.03300. Token ratios, z-scored rewards of the group.
//
//   A_i     = (R_i - mean) / (std + eta)                          r_t = exp(x_t - o_t)
//   L       = -sum_t omega_t min(r_t A_i, clip(r_t, 1 - eps_lo, 1 + eps_hi) A_i),   omega_t = 1 / (N n_i)
//   dL/dx_t = -omega_t A_i r_t where (A_i > 0 and r_t <= 1 + eps_hi) or (A_i < 0 and r_t >= 1 - eps_lo), else 0
//
// Left open: bias of std and eta. Ours: n - 1 and 1e-6, as verl; TRL's eta is 1e-4. The paper keeps beta = 0.04 of k3
// against the initial policy; current practice has none, and so has this preset (kl.coefficient sets it).
inline constexpr char kGrpoPreset[] = R"pb(
  branches { level: SEGMENT_LEVEL_TOKEN kind: SURROGATE_KIND_CLIP clip_low: 0.2 clip_high: 0.2 }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_GRPO_H_
