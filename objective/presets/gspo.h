// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_GSPO_H_
#define COHORT_OBJECTIVE_PRESETS_GSPO_H_

namespace cohort::objective {

// GSPO and GSPO-token: Zheng et al., "Group Sequence Policy Optimization", arXiv 2507.18071. One ratio per response,
// the geometric mean of its tokens' ratios.
//
//   s_i        = exp(1 / n_i sum_t m_t (x_t - o_t))
//   GSPO:        L = -1 / N sum_i min(s_i A_i, clip(s_i) A_i)
//                g_t = -s_i / n_i sum_t' omega_t' A_t' [active]          through the mean
//   GSPO-token:  s_{i,t} = sg[s_i] exp(x_t - sg[x_t])
//                g_t = -omega_t A_t s_i [active]                         local
//
// The two are the same while A and omega are constant over the response; they differ with per-token credit (items, KL
// in the reward) or per-token corrections. verl implements the local form only. Bounds are those of section 5.1 of
// version 2; they lie below the resolution of bf16 near 1, so log-probs must be fp32.
inline constexpr char kGspoPreset[] = R"pb(
  branches {
    level: SEGMENT_LEVEL_RESPONSE
    flow: GRADIENT_FLOW_THROUGH
    kind: SURROGATE_KIND_CLIP
    clip_low: 3e-4
    clip_high: 4e-4
  }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN
)pb";
inline constexpr char kGspoTokenPreset[] = R"pb(
  branches {
    level: SEGMENT_LEVEL_RESPONSE
    flow: GRADIENT_FLOW_LOCAL
    kind: SURROGATE_KIND_CLIP
    clip_low: 3e-4
    clip_high: 4e-4
  }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_GSPO_H_
