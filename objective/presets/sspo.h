// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_SSPO_H_
#define COHORT_OBJECTIVE_PRESETS_SSPO_H_

namespace cohort::objective {

// SSPO: arXiv 2511.04256. One ratio per sub-sentence, whose clip range follows its entropy.
//
//   rho_S = exp(1 / n_S sum_{t in S} (x_t - o_t))       H_S = 1 / n_S sum_{t in S} H_t of the proximal policy
//   kappa = clamp(H_S / mean H, kappa_min, kappa_max)
//   L     = -sum_t omega_t min(rho_S A, clip(rho_S, 1 - eps_lo kappa, 1 + eps_hi kappa) A),   omega_t = 1 / M
//   g_t   = -A rho_S [active] / n_S sum_{t' in S} omega_t';  bounds and entropies carry no gradient
//
// Left open, as only the abstracts could be read: delimiters, formula from entropy to bounds, eps, reduction. Ours:
// sub-sentences (version 2; segmenter.delimiters sentence for version 1), kappa in [0.5, 1.5] against the update's mean
// entropy, eps 0.03, the one number published for a ratio of this length (Ling 2.0's LPO, arXiv 2510.22115), and token
// mean, in which a segment weighs as much as it is long.
inline constexpr char kSspoPreset[] = R"pb(
  branches {
    level: SEGMENT_LEVEL_SUBSENTENCE
    flow: GRADIENT_FLOW_THROUGH
    kind: SURROGATE_KIND_CLIP
    clip_low: 0.03
    clip_high: 0.03
    adaptation: CLIP_ADAPTATION_LINEAR
    kappa_min: 0.5
    kappa_max: 1.5
    adaptation_scope: STATISTIC_SCOPE_BATCH
    entropy_source: ENTROPY_SOURCE_PROXIMAL
  }
  advantage { estimator: ESTIMATOR_GROUP_MEAN scale: SCALE_GROUP_STD epsilon: 1e-6 }
  loss_reduction: LOSS_REDUCTION_TOKEN_MEAN
  segmenter { delimiters: DELIMITERS_SUBSENTENCE decimal_guard: true min_tokens: 1 attach_eos: true }
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_SSPO_H_
