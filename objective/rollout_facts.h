// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_ROLLOUT_FACTS_H_
#define COHORT_OBJECTIVE_ROLLOUT_FACTS_H_

#include <cstdint>
#include <vector>

namespace cohort::objective {

// What every rank knows of a completion from the step plan, without its payload. Plain values.
struct SequenceFacts {
  double reward = 0;                    // the rubric's weighted sum; ignored without a verdict
  bool has_verdict = true;              // false: no credit, and in no statistic
  int64_t num_tokens = 0;               // completion tokens, EOS included; for the overlong penalty
  double mean_behavior_logprob = 0;     // for the unlikeliness reward
  std::vector<double> verifier_scores;  // one per verifier of the rubric, in its order; for GDPO
  std::vector<double> item_hits;        // value of list position 1, 2, ...; missing positions are 0; for ITEM
};

// The completions of one prompt, in order of sibling.
struct GroupFacts {
  std::vector<SequenceFacts> sequences;
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_ROLLOUT_FACTS_H_
