// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TESTING_VARIANTS_H_
#define COHORT_OBJECTIVE_TESTING_VARIANTS_H_

// Objectives that together use every axis, for tests over all of them.
#include <string>
#include <vector>

namespace cohort::objective {

struct Variant {
  std::string name;
  std::string preset;
  std::string overrides;
  bool has_token_advantages = false;
};

inline std::vector<Variant> AllVariants() {
  const std::string wide = "branches { clip_low: 0.1 clip_high: 0.15 }";
  const std::string two_wide = "branches {} branches { clip_low: 0.1 clip_high: 0.15 ";
  const std::string list = "advantage { item { num_items: 3 } } ";
  std::vector<Variant> variants = {
      {"grpo", "grpo", ""},
      {"dapo", "dapo", ""},
      {"dr_grpo", "dr_grpo", ""},
      {"gspo", "gspo", wide},
      {"gspo_token", "gspo_token", wide},
      {"luspo", "luspo", wide},
      {"gmpo", "gmpo", ""},
      {"sspo", "sspo", wide},
      {"dhpo", "dhpo", two_wide + "}"},
      {"dhpo_entropy", "dhpo_entropy", two_wide + "}"},
      {"rank_grpo", "rank_grpo", list, true},
      {"rank_grpo_paper", "rank_grpo_paper", list, true},
      {"cispo", "cispo", ""},
      {"sapo", "sapo", ""},
      {"tight_gspo", "gspo", "", true},
      {"tight_gspo_token", "gspo_token", "", true},
      {"local_items", "rank_grpo", list + "branches { flow: GRADIENT_FLOW_LOCAL }", true},
      {"local_gmpo", "gmpo", "branches { flow: GRADIENT_FLOW_LOCAL }", true},
      {"response_sapo", "sapo", "branches { level: SEGMENT_LEVEL_RESPONSE }", true},
      {"local_response_sapo", "sapo", "branches { level: SEGMENT_LEVEL_RESPONSE flow: GRADIENT_FLOW_LOCAL }", true},
      {"response_cispo", "cispo", "branches { level: SEGMENT_LEVEL_RESPONSE clip_low: 0.1 clip_high: 0.1 }", true},
      {"cispo_both", "cispo", "branches { clip_low: 0.2 clip_high: 0.28 }"},
      {"dual_clip", "grpo", "branches { dual_clip: 1.4 }"},
      {"delta", "grpo", "branches { delta: 1.5 }"},
      {"delta_inside", "grpo", "branches { delta: 1.1 }"},
      {"delta_and_dual_clip", "gspo", "branches { clip_low: 0.1 clip_high: 0.15 dual_clip: 1.3 delta: 1.4 }", true},
      {"log_clip_and_clip", "gspo", "branches { clip_low: 0.1 clip_high: 0.15 token_log_clip: 0.1 }", true},
      {"local_subsentence", "sspo", "branches { clip_low: 0.1 clip_high: 0.15 flow: GRADIENT_FLOW_LOCAL }", true},
      {"tanh_z", "sspo", "branches { clip_low: 0.1 clip_high: 0.15 adaptation: CLIP_ADAPTATION_TANH_Z }"},
      {"tanh_z_group", "sspo",
       "branches { clip_low: 0.1 clip_high: 0.15 adaptation: CLIP_ADAPTATION_TANH_Z adaptation_scope: "
       "STATISTIC_SCOPE_GROUP }"},
      {"tanh_z_response_per_token", "sspo",
       "branches { clip_low: 0.1 clip_high: 0.15 adaptation: CLIP_ADAPTATION_TANH_Z adaptation_scope: "
       "STATISTIC_SCOPE_RESPONSE "
       "per_token_bounds: true }"},
      {"log_bounds_surprisal", "sspo",
       "branches { clip_low: 0.1 clip_high: 0.15 adaptation: CLIP_ADAPTATION_LOG entropy_source: "
       "ENTROPY_SOURCE_SURPRISAL }"},
      {"upper_only_group", "sspo",
       "branches { clip_low: 0.1 clip_high: 0.15 adaptation: CLIP_ADAPTATION_UPPER_ONLY adaptation_scope: "
       "STATISTIC_SCOPE_GROUP }"},
      {"linear_response_per_token", "sspo",
       "branches { clip_low: 0.1 clip_high: 0.15 adaptation_scope: STATISTIC_SCOPE_RESPONSE per_token_bounds: true }",
       true},
      {"adaptive_cispo", "cispo", "branches { clip_low: 0.2 clip_high: 0.2 adaptation: CLIP_ADAPTATION_LINEAR }"},
      {"dhpo_through", "dhpo", two_wide + "flow: GRADIENT_FLOW_THROUGH }", true},
      {"dhpo_entropy_through", "dhpo_entropy", two_wide + "flow: GRADIENT_FLOW_THROUGH }"},
      {"dhpo_batch_inverted", "dhpo_entropy", two_wide + "} mix { scope: STATISTIC_SCOPE_BATCH invert: true }"},
      {"dhpo_group_surprisal", "dhpo_entropy",
       two_wide + "} mix { scope: STATISTIC_SCOPE_GROUP entropy_source: ENTROPY_SOURCE_SURPRISAL }"},
      {"ratio_mix", "dhpo", two_wide + "} mix { form: FORM_RATIO }", true},
      {"ratio_mix_through", "dhpo_entropy", two_wide + "flow: GRADIENT_FLOW_THROUGH } mix { form: FORM_RATIO }", true},
      {"ratio_mix_adaptive", "dhpo", two_wide + "adaptation: CLIP_ADAPTATION_LINEAR } mix { form: FORM_RATIO }", true},
      {"two_levels", "sspo", wide + "branches { level: SEGMENT_LEVEL_TOKEN kind: SURROGATE_KIND_SAPO }"},
      {"kl_weighted_token", "grpo", "kl { coefficient: 0.1 importance_weighted: true }"},
      {"kl_weighted_through", "gspo", wide + "kl { coefficient: 0.1 importance_weighted: true }"},
      {"kl_weighted_local", "gspo_token",
       wide + "kl { coefficient: 0.1 importance_weighted: true estimator: ESTIMATOR_K2 }"},
      {"kl_reward", "gspo_token", wide + "kl { coefficient: 0.1 placement: PLACEMENT_REWARD estimator: ESTIMATOR_K1 }"},
      {"entropy_bonus", "grpo", "entropy_coefficient: 0.01"},
      {"tis", "grpo", "mismatch { correction: CORRECTION_TRUNCATE cap: 1.2 normalize: true }"},
      {"icepop", "gspo", wide + "mismatch { correction: CORRECTION_MASK low: 0.8 cap: 1.2 }"},
      {"mis", "grpo", "mismatch { correction: CORRECTION_MASK level: LEVEL_SEQUENCE cap: 2 normalize: true }"},
      {"sequence_mean", "gmpo", "mismatch { correction: CORRECTION_TRUNCATE level: LEVEL_SEQUENCE_MEAN cap: 1.01 }"},
      {"drop_truncated", "grpo", "selection { drop_truncated: true }"},
      {"top_entropy", "grpo", "selection { top_entropy_share: 0.3 } kl { coefficient: 0.1 }"},
      {"off_policy", "gspo", wide + "selection { off_policy_threshold: 0.02 }"},
  };
  for (const char* estimator : {"K1", "ABS", "K2", "K3", "K1_PLUS", "K3_PLUS"}) {
    variants.push_back({std::string("kl_") + estimator, "grpo",
                        std::string("kl { coefficient: 0.1 estimator: ESTIMATOR_") + estimator + " }"});
  }
  for (const char* reduction :
       {"TOKEN_MEAN", "SEQUENCE_MEAN_TOKEN_MEAN", "SEQUENCE_MEAN_TOKEN_SUM", "SEQUENCE_MEAN_TOKEN_SUM_NORM",
        "GROUP_TOKEN_MEAN", "SEQUENCE_MEAN_SEGMENT_MEAN", "TOKEN_SUM"}) {
    variants.push_back(
        {std::string("sspo_") + reduction, "sspo", wide + " loss_reduction: LOSS_REDUCTION_" + reduction, true});
  }
  return variants;
}

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TESTING_VARIANTS_H_
