// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_metrics.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace cohort::coordinator {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Length of the union of intervals.
double CoveredSeconds(std::vector<std::pair<double, double>> intervals) {
  std::sort(intervals.begin(), intervals.end());
  double covered = 0;
  double end = -1;
  for (const auto& [first, last] : intervals) {
    covered += std::max(0.0, last - std::max(first, end));
    end = std::max(end, last);
  }
  return covered;
}

}  // namespace

double MaxReward(const cohort::v1::RewardSpec& reward) {
  double sum = 0;
  for (const auto& verifier : reward.verifiers()) {
    sum += std::max(0.0, verifier.has_weight() ? verifier.weight() : 1.0);
  }
  return sum;
}

bool IsFullReward(double reward, double max_reward) { return reward >= max_reward - 1e-9; }

std::map<std::string, double> RolloutMetrics(const std::vector<const GroupRecord*>& groups, double max_reward) {
  double completions = 0, judged = 0, correct = 0, reward_sum = 0, tokens = 0, longest = 0, truncated = 0;
  double smallest_reward = kInfinity, largest_reward = -kInfinity, shortest = kInfinity;
  double prompt_tokens = 0, longest_prompt = 0;
  double solve_all = 0, solve_none = 0, judged_groups = 0, staleness = 0, stalest = 0;
  std::vector<std::pair<double, double>> sampling_times;
  for (const GroupRecord* group : groups) {
    const cohort::v1::PlannedGroup& planned = group->outcome.planned;
    double group_judged = 0, group_correct = 0;
    for (int i = 0; i < planned.completion_tokens_size(); ++i) {
      tokens += planned.completion_tokens(i);
      longest = std::max<double>(longest, planned.completion_tokens(i));
      shortest = std::min<double>(shortest, planned.completion_tokens(i));
      if (planned.outcomes(i) != cohort::v1::SCORE_OUTCOME_GRADED) continue;
      ++group_judged;
      reward_sum += planned.rewards(i);
      smallest_reward = std::min(smallest_reward, planned.rewards(i));
      largest_reward = std::max(largest_reward, planned.rewards(i));
      if (IsFullReward(planned.rewards(i), max_reward)) ++group_correct;
    }
    completions += planned.completion_tokens_size();
    prompt_tokens += planned.prompt_tokens();
    longest_prompt = std::max<double>(longest_prompt, planned.prompt_tokens());
    const auto lag = static_cast<double>(group->step - group->policy_version);
    staleness += lag;
    stalest = std::max(stalest, lag);
    judged += group_judged;
    correct += group_correct;
    truncated += group->outcome.num_truncated;
    if (group_judged > 0) {
      ++judged_groups;
      if (group_correct == group_judged) ++solve_all;
      if (group_correct == 0) ++solve_none;
    }
    sampling_times.emplace_back(group->outcome.generation_begin_seconds, group->outcome.generation_end_seconds);
  }
  std::map<std::string, double> metrics;
  if (completions == 0) return metrics;
  const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0.0; };
  metrics["reward_mean"] = share(reward_sum, judged);
  if (judged > 0) metrics["reward_min"] = smallest_reward;
  if (judged > 0) metrics["reward_max"] = largest_reward;
  metrics["accuracy"] = share(correct, judged);
  metrics["solve_all_share"] = share(solve_all, judged_groups);
  metrics["solve_none_share"] = share(solve_none, judged_groups);
  metrics["no_verdict_share"] = share(completions - judged, completions);
  metrics["completion_tokens_mean"] = share(tokens, completions);
  metrics["completion_tokens_min"] = shortest;
  metrics["completion_tokens_max"] = longest;
  metrics["prompt_tokens_mean"] = share(prompt_tokens, static_cast<double>(groups.size()));
  metrics["prompt_tokens_max"] = longest_prompt;
  metrics["truncated_share"] = share(truncated, completions);
  metrics["groups"] = static_cast<double>(groups.size());
  metrics["staleness_mean"] = share(staleness, static_cast<double>(groups.size()));
  metrics["staleness_max"] = stalest;
  metrics["generation_tokens_per_second"] = share(tokens, CoveredSeconds(std::move(sampling_times)));
  return metrics;
}

}  // namespace cohort::coordinator
