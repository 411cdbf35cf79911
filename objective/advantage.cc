// SPDX-License-Identifier: Apache-2.0
#include "objective/advantage.h"

#include <cmath>
#include <cstddef>
#include <vector>

namespace cohort::objective {
namespace {

// Rewards of the siblings that were judged.
std::vector<double> Verdicts(const GroupRewards& group) {
  std::vector<double> rewards;
  for (size_t i = 0; i < group.rewards.size(); ++i) {
    if (group.has_verdict[i]) rewards.push_back(group.rewards[i]);
  }
  return rewards;
}

bool AllEqual(const std::vector<double>& rewards) {
  for (double reward : rewards) {
    if (reward != rewards.front()) return false;
  }
  return true;
}

}  // namespace

GroupAdvantages ComputeGroupAdvantages(const GroupRewards& group, const GroupBaseline& baseline) {
  GroupAdvantages result;
  result.advantages.assign(group.rewards.size(), 0.0);
  const std::vector<double> verdicts = Verdicts(group);
  // Rounding would leave a residue in a constant group, which the small standard deviation would blow up.
  if (verdicts.size() < 2 || AllEqual(verdicts)) return result;

  double sum = 0;
  for (double reward : verdicts) sum += reward;
  const double mean = sum / static_cast<double>(verdicts.size());
  double sum_squares = 0;
  for (double reward : verdicts) sum_squares += (reward - mean) * (reward - mean);
  const double std_unbiased = std::sqrt(sum_squares / static_cast<double>(verdicts.size() - 1));
  const double divisor = baseline.scale == cohort::v1::ADVANTAGE_SCALE_NONE ? 1.0 : std_unbiased + baseline.epsilon;
  for (size_t i = 0; i < group.rewards.size(); ++i) {
    if (group.has_verdict[i]) result.advantages[i] = (group.rewards[i] - mean) / divisor;
  }
  return result;
}

}  // namespace cohort::objective
