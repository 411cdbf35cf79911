// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_DAPO_H_
#define COHORT_OBJECTIVE_PRESETS_DAPO_H_

namespace cohort::objective {

// DAPO: Yu et al., arXiv 2503.14476. GRPO with a higher upper bound, every token counting the same, and groups without
// a signal sampled again.
//
//   L = -sum_t omega_t min(r_t A_i, clip(r_t, 1 - 0.2, 1 + 0.28) A_i),   omega_t = 1 / M
//
// The formula divides per prompt (loss_reduction: group_token_mean), the authors' code over the batch: ours is the
// code. Overlong filter and soft penalty depend on the length limit and are switched on by hand:
// selection.drop_truncated, advantage.overlong_penalty {max_tokens: L, buffer_tokens: L / 5}.
inline constexpr char kDapoPreset[] = R"pb(
  branches { level: SEGMENT_LEVEL_TOKEN kind: SURROGATE_KIND_CLIP clip_low: 0.2 clip_high: 0.28 }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_TOKEN_MEAN
  dynamic_sampling { enabled: true max_rounds: 10 }
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_DAPO_H_
