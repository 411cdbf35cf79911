// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_DHPO_H_
#define COHORT_OBJECTIVE_PRESETS_DHPO_H_

namespace cohort::objective {

// DHPO: arXiv 2601.05607. A token ratio and a response ratio, each clipped in its own range, then mixed.
//
//   u_t = w_t min(r_t A, clip(r_t, 1 - eps_lo^tok, 1 + eps_hi^tok) A)
//       + (1 - w_t) min(s_i A, clip(s_i, 1 - eps_lo^seq, 1 + eps_hi^seq) A)
//   L   = -sum_t omega_t u_t          g_t = -omega_t A [w_t r_t [token active] + (1 - w_t) s_i [response active]]
//
//   averaged:        w_t = 1 / 2
//   entropy-guided:  w_t = (H_t - min H) / (max H - min H), 1 / 2 where they are equal; detached
//
// Left open: direction (ours: high entropy to the token branch; mix.invert), scope of min and max (ours: the response;
// mix.scope), bounds (ours: those of GRPO and GSPO), reduction (ours: mean over sequences of means over tokens), flow
// of the response branch (ours: local), and whether surrogates or ratios are mixed (ours: surrogates; mix.form ratio).
// The last two forms differ only where both ratios leave their ranges on opposite sides.
inline constexpr char kDhpoPreset[] = R"pb(
  branches { level: SEGMENT_LEVEL_TOKEN kind: SURROGATE_KIND_CLIP clip_low: 0.2 clip_high: 0.2 }
  branches {
    level: SEGMENT_LEVEL_RESPONSE
    flow: GRADIENT_FLOW_LOCAL
    kind: SURROGATE_KIND_CLIP
    clip_low: 3e-4
    clip_high: 4e-4
  }
  mix { weighting: WEIGHTING_AVERAGE form: FORM_SURROGATE }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN
)pb";
inline constexpr char kDhpoEntropyPreset[] = R"pb(
  branches { level: SEGMENT_LEVEL_TOKEN kind: SURROGATE_KIND_CLIP clip_low: 0.2 clip_high: 0.2 }
  branches {
    level: SEGMENT_LEVEL_RESPONSE
    flow: GRADIENT_FLOW_LOCAL
    kind: SURROGATE_KIND_CLIP
    clip_low: 3e-4
    clip_high: 4e-4
  }
  mix {
    weighting: WEIGHTING_ENTROPY
    form: FORM_SURROGATE
    scope: STATISTIC_SCOPE_RESPONSE
    entropy_source: ENTROPY_SOURCE_PROXIMAL
  }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_DHPO_H_
