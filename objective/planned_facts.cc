// SPDX-License-Identifier: Apache-2.0
#include "objective/planned_facts.h"

#include <utility>

namespace cohort::objective {

GroupFacts FactsOf(const cohort::v1::PlannedGroup& group) {
  GroupFacts facts;
  for (int i = 0; i < group.rewards_size(); ++i) {
    SequenceFacts& sequence = facts.sequences.emplace_back();
    sequence.reward = group.rewards(i);
    sequence.has_verdict = group.outcomes(i) != cohort::v1::SCORE_OUTCOME_NO_VERDICT;
    sequence.num_tokens = group.completion_tokens(i);
    if (i >= group.facts_size()) continue;
    const cohort::v1::SequenceFacts& planned = group.facts(i);
    sequence.mean_behavior_logprob = planned.mean_behavior_logprob();
    sequence.verifier_scores.assign(planned.verifier_scores().begin(), planned.verifier_scores().end());
    sequence.item_hits.assign(planned.item_values().begin(), planned.item_values().end());
  }
  return facts;
}

}  // namespace cohort::objective
