// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_CISPO_H_
#define COHORT_OBJECTIVE_PRESETS_CISPO_H_

namespace cohort::objective {

// CISPO: "MiniMax-M1", arXiv 2506.13585. The clipped ratio is a detached weight, so every token keeps a gradient.
//
//   L = -sum_t omega_t sg[clip(r_t, 1 - eps_lo, 1 + eps_hi)] A x_t,   omega_t = 1 / M
//   g_t = -omega_t A sg[clip(r_t)]
//
// The loss is no surrogate and not worth plotting: it depends on x itself. Left open: the bounds, of which the paper
// tunes the upper only. Ours: no lower bound and the cap 5 of ScaleRL, as TRL; verl clips both sides.
inline constexpr char kCispoPreset[] = R"pb(
  branches { level: SEGMENT_LEVEL_TOKEN kind: SURROGATE_KIND_CISPO clip_low: 1 clip_high: 4 }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_TOKEN_MEAN
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_CISPO_H_
