// SPDX-License-Identifier: Apache-2.0
#include "objective/credit.h"

#include <cmath>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "objective/group_advantage.h"
#include "objective/item_rewards.h"
#include "objective/overlong_penalty.h"
#include "objective/tournament.h"
#include "objective/unlikeliness.h"

namespace cohort::objective {
namespace {

using cohort::v1::AdvantageSpec;

absl::Status CheckNumbers(std::span<const double> values, const std::string& name, const std::string& where) {
  for (const double value : values) {
    if (!std::isfinite(value))
      return absl::InvalidArgumentError(absl::StrCat(name, ": not finite (", value, "), ", where));
  }
  return absl::OkStatus();
}

absl::Status CheckFacts(const AdvantageSpec& spec, size_t num_verifiers, const SequenceFacts& facts,
                        const std::string& where) {
  if (!facts.has_verdict) return absl::OkStatus();
  switch (spec.estimator()) {
    case AdvantageSpec::ESTIMATOR_ITEM:
      return CheckNumbers(facts.item_hits, "item_hits", where);
    case AdvantageSpec::ESTIMATOR_GDPO:
      if (facts.verifier_scores.size() != num_verifiers) {
        return absl::InvalidArgumentError(absl::StrCat("verifier_scores: ", facts.verifier_scores.size(),
                                                       " for a rubric of ", num_verifiers, " verifiers, ", where));
      }
      return CheckNumbers(facts.verifier_scores, "verifier_scores", where);
    default:
      COHORT_RETURN_IF_ERROR(CheckNumbers({&facts.reward, 1}, "reward", where));
      return spec.unlikeliness().coefficient() == 0
                 ? absl::OkStatus()
                 : CheckNumbers({&facts.mean_behavior_logprob, 1}, "mean_behavior_logprob", where);
  }
}

absl::Status CheckGroups(const AdvantageSpec& spec, std::span<const double> verifier_weights,
                         std::span<const GroupFacts> groups) {
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t i = 0; i < groups[g].sequences.size(); ++i) {
      COHORT_RETURN_IF_ERROR(
          CheckFacts(spec, verifier_weights.size(), groups[g].sequences[i], absl::StrCat("group ", g, " sibling ", i)));
    }
  }
  return CheckNumbers(verifier_weights, "verifier weight", "rubric");
}

StepVerdicts Verdicts(std::span<const GroupFacts> groups) {
  StepVerdicts verdicts;
  for (const GroupFacts& group : groups) {
    verdicts.emplace_back();
    for (const SequenceFacts& sequence : group.sequences) verdicts.back().push_back(sequence.has_verdict);
  }
  return verdicts;
}

// `value_of` a sequence with a verdict; 0 elsewhere.
template <typename ValueOf>
StepValues Collect(std::span<const GroupFacts> groups, const ValueOf& value_of) {
  StepValues values;
  for (const GroupFacts& group : groups) {
    values.emplace_back();
    for (const SequenceFacts& sequence : group.sequences) {
      values.back().push_back(sequence.has_verdict ? value_of(sequence) : 0.0);
    }
  }
  return values;
}

std::vector<GroupCredit> Credits(const StepValues& advantages) {
  std::vector<GroupCredit> credits;
  for (const std::vector<double>& group : advantages) {
    credits.emplace_back();
    for (const double advantage : group) credits.back().push_back({.advantage = advantage, .item_advantages = {}});
  }
  return credits;
}

// Ranks of the judged siblings stand for their rewards; a constant group has none.
void RankByTournament(const std::vector<uint8_t>& verdicts, std::vector<double>* rewards) {
  std::vector<double> judged;
  bool differ = false;
  for (size_t i = 0; i < rewards->size(); ++i) {
    if (!verdicts[i]) continue;
    judged.push_back((*rewards)[i]);
    differ = differ || judged.back() != judged.front();
  }
  if (!differ) return;
  const std::vector<double> ranks = TournamentRewards(judged);
  for (size_t i = 0, next = 0; i < rewards->size(); ++i) {
    if (verdicts[i]) (*rewards)[i] = ranks[next++];
  }
}

StepValues ShapedRewards(const AdvantageSpec& spec, std::span<const GroupFacts> groups, const StepVerdicts& verdicts) {
  StepValues rewards = Collect(groups, [](const SequenceFacts& sequence) { return sequence.reward; });
  for (size_t g = 0; g < groups.size(); ++g) {
    ApplyUnlikeliness(spec.unlikeliness(), groups[g], &rewards[g]);
    for (size_t i = 0; i < rewards[g].size(); ++i) {
      const SequenceFacts& facts = groups[g].sequences[i];
      if (facts.has_verdict) rewards[g][i] += OverlongPenalty(spec.overlong_penalty(), facts.num_tokens);
    }
    if (spec.estimator() == AdvantageSpec::ESTIMATOR_TOURNAMENT) RankByTournament(verdicts[g], &rewards[g]);
  }
  return rewards;
}

// Every verifier's scores by themselves, then the weighted sum (GDPO, arXiv 2601.05242): a verifier whose scores vary
// little is not drowned by one whose scores vary much.
StepValues SumOfVerifiers(const AdvantageSpec& spec, std::span<const double> weights,
                          std::span<const GroupFacts> groups, const StepVerdicts& verdicts) {
  StepValues sum = Collect(groups, [](const SequenceFacts&) { return 0.0; });
  for (size_t v = 0; v < weights.size(); ++v) {
    const StepValues scores =
        Collect(groups, [v](const SequenceFacts& sequence) { return sequence.verifier_scores[v]; });
    const StepValues advantages = NormalizeGroups(spec, scores, verdicts);
    for (size_t g = 0; g < sum.size(); ++g) {
      for (size_t i = 0; i < sum[g].size(); ++i) sum[g][i] += weights[v] * advantages[g][i];
    }
  }
  return sum;
}

// Every list position by itself (Rank-GRPO, arXiv 2510.20150).
std::vector<GroupCredit> ItemCredits(const AdvantageSpec& spec, std::span<const GroupFacts> groups,
                                     const StepVerdicts& verdicts) {
  std::vector<GroupCredit> credits = Credits(Collect(groups, [](const SequenceFacts&) { return 0.0; }));
  std::vector<std::vector<double>> rewards_of;  // in order of group and sibling
  for (const GroupFacts& group : groups) {
    for (const SequenceFacts& sequence : group.sequences) {
      rewards_of.push_back(ItemRewards(spec.item(), sequence.item_hits));
    }
  }
  for (size_t k = 0; k < static_cast<size_t>(spec.item().num_items()); ++k) {
    size_t next = 0;
    const StepValues rewards = Collect(groups, [&](const SequenceFacts&) { return rewards_of[next++][k]; });
    const StepValues advantages = NormalizeGroups(spec, rewards, verdicts);
    for (size_t g = 0; g < credits.size(); ++g) {
      for (size_t i = 0; i < credits[g].size(); ++i) {
        if (verdicts[g][i]) credits[g][i].item_advantages.push_back(advantages[g][i]);
      }
    }
  }
  return credits;
}

}  // namespace

absl::StatusOr<std::vector<GroupCredit>> ComputeCredit(const AdvantageSpec& spec,
                                                       std::span<const double> verifier_weights,
                                                       std::span<const GroupFacts> groups) {
  COHORT_RETURN_IF_ERROR(CheckGroups(spec, verifier_weights, groups));
  const StepVerdicts verdicts = Verdicts(groups);
  if (spec.estimator() == AdvantageSpec::ESTIMATOR_ITEM) return ItemCredits(spec, groups, verdicts);
  StepValues advantages = spec.estimator() == AdvantageSpec::ESTIMATOR_GDPO
                              ? SumOfVerifiers(spec, verifier_weights, groups, verdicts)
                              : NormalizeGroups(spec, ShapedRewards(spec, groups, verdicts), verdicts);
  if (spec.whiten_batch()) WhitenStep(spec, verdicts, &advantages);
  return Credits(advantages);
}

bool IsZeroSignal(const GroupCredit& group) {
  for (const SequenceCredit& credit : group) {
    if (credit.advantage != 0) return false;
    for (const double advantage : credit.item_advantages) {
      if (advantage != 0) return false;
    }
  }
  return true;
}

}  // namespace cohort::objective
