// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_DR_GRPO_H_
#define COHORT_OBJECTIVE_PRESETS_DR_GRPO_H_

namespace cohort::objective {

// Dr.GRPO: Liu et al., "Understanding R1-Zero-like training", arXiv 2503.20783. GRPO without its two biases: neither
// the group's standard deviation nor the sequence's length divides.
//
//   A_i = R_i - mean          L = -sum_t omega_t min(r_t A_i, clip(r_t) A_i),   omega_t = 1 / (N L)
//
// L is a constant (normalization_tokens, by default the completion limit): the padded width that some code divides by
// changes with the batch.
inline constexpr char kDrGrpoPreset[] = R"pb(
  branches { level: SEGMENT_LEVEL_TOKEN kind: SURROGATE_KIND_CLIP clip_low: 0.2 clip_high: 0.2 }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_NONE }
  loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM_NORM
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_DR_GRPO_H_
