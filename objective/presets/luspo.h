// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_LUSPO_H_
#define COHORT_OBJECTIVE_PRESETS_LUSPO_H_

namespace cohort::objective {

// LUSPO: "Length-Unbiased Sequence Policy Optimization: Revealing and Controlling Response Length Variation in RLVR".
// GSPO whose responses weigh as much as they are long.
//
//   L = -1 / N sum_i n_i min(s_i A_i, clip(s_i) A_i),   omega_t = 1 / N
//
// TRL's loss of this name has token ratios by default; this one has response ratios.
inline constexpr char kLuspoPreset[] = R"pb(
  branches {
    level: SEGMENT_LEVEL_RESPONSE
    flow: GRADIENT_FLOW_THROUGH
    kind: SURROGATE_KIND_CLIP
    clip_low: 3e-4
    clip_high: 4e-4
  }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_LUSPO_H_
