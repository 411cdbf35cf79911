// SPDX-License-Identifier: Apache-2.0
#include "objective/offline_credit.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::objective {
namespace {

using cohort::v1::AdvantageSpec;
using cohort::v1::ObjectiveSpec;

bool HasAdvantages(const std::vector<InputSequence>& sequences) {
  return !sequences.empty() && sequences[0].advantage.has_value();
}

// A sequence without any credit has no verdict.
absl::Status CheckCredit(const ObjectiveSpec& spec, const std::vector<InputSequence>& sequences) {
  const bool are_given = HasAdvantages(sequences);
  for (const InputSequence& sequence : sequences) {
    if (sequence.advantage.has_value() != are_given) {
      return LineError(sequence, are_given ? "advantages: missing, other lines have them"
                                           : "advantages: given, but not on the lines before");
    }
    const bool has_other = sequence.reward || sequence.item_rewards || sequence.verifier_scores;
    if (are_given || !has_other) continue;
    const AdvantageSpec::Estimator estimator = spec.advantage().estimator();
    if (estimator == AdvantageSpec::ESTIMATOR_ITEM && !sequence.item_rewards) {
      return LineError(sequence, "item_rewards: missing, the estimator is item");
    }
    if (estimator == AdvantageSpec::ESTIMATOR_GDPO && !sequence.verifier_scores) {
      return LineError(sequence, "verifier_scores: missing, the estimator is gdpo");
    }
    if (estimator != AdvantageSpec::ESTIMATOR_ITEM && estimator != AdvantageSpec::ESTIMATOR_GDPO && !sequence.reward) {
      return LineError(sequence, "reward: missing, the estimator reads it");
    }
    if (spec.advantage().unlikeliness().coefficient() > 0 && sequence.behavior_logprobs.empty()) {
      return LineError(sequence, "behavior_logprobs: missing, advantage.unlikeliness ranks by them");
    }
  }
  return absl::OkStatus();
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

SequenceFacts FactsOf(const InputSequence& sequence) {
  SequenceFacts facts;
  facts.has_verdict = sequence.reward || sequence.item_rewards || sequence.verifier_scores;
  facts.reward = sequence.reward.value_or(0);
  facts.num_tokens = static_cast<int64_t>(sequence.policy_logprobs.size());
  facts.mean_behavior_logprob = Mean(sequence.behavior_logprobs);
  facts.verifier_scores = sequence.verifier_scores.value_or(std::vector<double>());
  facts.item_hits = sequence.item_rewards.value_or(std::vector<double>());
  return facts;
}

}  // namespace

Grouping GroupUp(const std::vector<InputSequence>& sequences) {
  Grouping grouping;
  std::map<std::string, size_t> index_of;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const size_t group = index_of.emplace(sequences[i].group, index_of.size()).first->second;
    if (group == grouping.members.size()) grouping.members.emplace_back();
    grouping.group_of.push_back(group);
    grouping.sibling_of.push_back(grouping.members[group].size());
    grouping.members[group].push_back(i);
  }
  return grouping;
}

absl::Status LineError(const InputSequence& sequence, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("line ", sequence.line, ": ", why));
}

ResolutionContext ContextOf(const ObjectiveSpec& spec, int64_t max_completion_tokens,
                            const std::vector<InputSequence>& sequences, const Grouping& grouping) {
  ResolutionContext context;
  context.is_sft = spec.preset() == "sft";
  context.max_completion_tokens = max_completion_tokens;
  size_t group_size = HasAdvantages(sequences) ? 2 : 0;  // advantages that are given need no group
  for (const std::vector<size_t>& members : grouping.members) group_size = std::max(group_size, members.size());
  context.group_size = sequences.empty() ? 2 : static_cast<int64_t>(group_size);
  context.has_item_rewards = HasAdvantages(sequences) || sequences.empty();
  for (const InputSequence& sequence : sequences) {
    context.has_item_rewards = context.has_item_rewards || sequence.item_rewards.has_value();
    if (max_completion_tokens == 0) {
      context.max_completion_tokens =
          std::max(context.max_completion_tokens, static_cast<int64_t>(sequence.policy_logprobs.size()));
    }
  }
  return context;
}

absl::StatusOr<std::vector<SequenceCredit>> CreditsOf(const ObjectiveSpec& spec,
                                                      std::span<const double> verifier_weights,
                                                      const std::vector<InputSequence>& sequences,
                                                      const Grouping& grouping) {
  std::vector<SequenceCredit> credits(sequences.size());
  if (spec.branches_size() == 0) return credits;  // demonstrations
  COHORT_RETURN_IF_ERROR(CheckCredit(spec, sequences));
  if (HasAdvantages(sequences)) {
    for (size_t i = 0; i < sequences.size(); ++i) credits[i].advantage = *sequences[i].advantage;
    return credits;
  }
  std::vector<double> weights(verifier_weights.begin(), verifier_weights.end());
  for (const InputSequence& sequence : sequences) {
    if (weights.empty() && sequence.verifier_scores) weights.assign(sequence.verifier_scores->size(), 1.0);
  }
  std::vector<GroupFacts> groups;
  for (const std::vector<size_t>& members : grouping.members) {
    groups.emplace_back();
    for (const size_t i : members) groups.back().sequences.push_back(FactsOf(sequences[i]));
  }
  COHORT_ASSIGN_OR_RETURN(const std::vector<GroupCredit> by_group, ComputeCredit(spec.advantage(), weights, groups));
  for (size_t i = 0; i < sequences.size(); ++i) {
    credits[i] = by_group[grouping.group_of[i]][grouping.sibling_of[i]];
  }
  return credits;
}

}  // namespace cohort::objective
