// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_CREDIT_H_
#define COHORT_OBJECTIVE_CREDIT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/rollout_facts.h"

namespace cohort::objective {

// What a completion's tokens are credited with.
struct SequenceCredit {
  double advantage = 0;                 // of every token; 0 for estimator ITEM
  std::vector<double> item_advantages;  // estimator ITEM: num_items of them; empty without a verdict
};

using GroupCredit = std::vector<SequenceCredit>;  // in order of sibling

// Credit of all groups of one train step by a resolved AdvantageSpec; scope "batch" is the step. `verifier_weights` are
// those of the rubric, in its order; only GDPO reads them. A sequence without a verdict gets 0 and is in no statistic;
// a group with fewer than two verdicts, or whose rewards are all equal, is exactly 0 throughout. INVALID_ARGUMENT names
// the group and sibling with a number that is not finite or a list of the wrong length. Pure.
absl::StatusOr<std::vector<GroupCredit>> ComputeCredit(const cohort::v1::AdvantageSpec& spec,
                                                       std::span<const double> verifier_weights,
                                                       std::span<const GroupFacts> groups);

// Whether every advantage of the group is 0: its rewards teach nothing. What Rank-GRPO's shaping adds to single tokens
// (sequence_layout.h) depends on a list's length and not on its reward; it does not count.
bool IsZeroSignal(const GroupCredit& group);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_CREDIT_H_
