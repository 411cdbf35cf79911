// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_RESOLUTION_CONTEXT_H_
#define COHORT_OBJECTIVE_RESOLUTION_CONTEXT_H_

#include <cstdint>
#include <string>

namespace cohort::objective {

// What the rest of the job says about its rollouts.
struct ResolutionContext {
  bool is_sft = false;                // the job trains on demonstrations
  int64_t group_size = 2;             // completions per prompt
  bool has_item_rewards = false;      // a verifier of the rubric scores list positions
  int64_t num_ranked_items = 0;       // list positions that its values cover; 0: not known
  std::string ranked_items_field;     // where the job says so: "rlvr.reward.verifiers[0].ranking.num_items"
  int64_t max_completion_tokens = 0;  // the default of normalization_tokens
  int64_t fixed_lag = 0;
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_RESOLUTION_CONTEXT_H_
