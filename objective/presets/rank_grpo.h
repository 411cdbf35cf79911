// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_RANK_GRPO_H_
#define COHORT_OBJECTIVE_PRESETS_RANK_GRPO_H_

namespace cohort::objective {

// Rank-GRPO: "Rank-GRPO / ConvRec-R1", arXiv 2510.20150; code yaochenzhu/Rank-GRPO at 0808d82. The completion is a
// list; every item k has its own ratio and its own advantage.
//
//   A_{i,k} = (r_{i,k} - mean) / (std + 1e-4) over the group, per position k      r_{i,k}: item_rewards.h
//   rho_k   = exp(mean of x_t - o_t over the tokens of item k); tokens past item N share one ratio
//   L       = -sum_t omega_t min(rho_k A_t, clip(rho_k, 1 - 0.06, 1 + 0.08) A_t) + beta sum_t omega_t k3(x_t, f_t)
//   g_t     = -rho_k / n_k sum_{t' in k} omega_t' A_t' [active_t'] + beta omega_t (1 - exp(f_t - x_t))
//
// A_t is A_{i,k} inside item k. Shaping is added to the advantage, not to the reward: -0.1 on tokens past item N, at
// EOS +0.1 for a list of N items without overflow, -0.1 for a shorter one, nothing for a truncated one.
//
// Two readings. The code: token mean with shaping (TRL's microbatch-local mean there; over the update here), items by
// newlines so far. The paper: every item weighs the same, omega_t = 1 / (N_sequences N n_k), tokens outside the N items
// are not trained; its lines are parsed here, since a blank line or preamble shifts the code's items against their
// rewards.

// The code.
inline constexpr char kRankGrpoPreset[] = R"pb(
  branches {
    level: SEGMENT_LEVEL_ITEM
    flow: GRADIENT_FLOW_THROUGH
    kind: SURROGATE_KIND_CLIP
    clip_low: 0.06
    clip_high: 0.08
  }
  advantage {
    estimator: ESTIMATOR_ITEM
    scale: SCALE_GROUP_STD
    epsilon: 1e-4
    item {
      num_items: 20
      accumulation: ACCUMULATION_EXP_INF
      overflow_shaping: -0.1
      complete_shaping: 0.1
      short_shaping: -0.1
      train_outside_items: true
    }
  }
  loss_reduction: LOSS_REDUCTION_TOKEN_MEAN
  kl { estimator: ESTIMATOR_K3 placement: PLACEMENT_LOSS coefficient: 1e-3 }
  segmenter { item_reading: ITEM_READING_NEWLINES }
)pb";

// The paper.
inline constexpr char kRankGrpoPaperPreset[] = R"pb(
  branches {
    level: SEGMENT_LEVEL_ITEM
    flow: GRADIENT_FLOW_THROUGH
    kind: SURROGATE_KIND_CLIP
    clip_low: 0.06
    clip_high: 0.08
  }
  advantage {
    estimator: ESTIMATOR_ITEM
    scale: SCALE_GROUP_STD
    epsilon: 1e-4
    item { num_items: 20 accumulation: ACCUMULATION_EXP_INF train_outside_items: false }
  }
  loss_reduction: LOSS_REDUCTION_ITEM_MEAN
  kl { estimator: ESTIMATOR_K3 placement: PLACEMENT_LOSS coefficient: 1e-3 }
  segmenter { item_reading: ITEM_READING_PARSED_LINES }
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_RANK_GRPO_H_
