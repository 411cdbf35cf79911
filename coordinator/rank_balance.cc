// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rank_balance.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace cohort::coordinator {
namespace {

// Length at which attention costs as much as the matrix products: some thousand for models of about a billion
// parameters. Only balance depends on it.
constexpr double kEqualCostTokens = 4096;

// The groups at positions [begin, end) in the order in which they are to stand there.
std::vector<int> BalancedOrder(const std::vector<double>& costs, int begin, int end, int32_t world_size) {
  std::vector<int> by_cost(end - begin);
  std::iota(by_cost.begin(), by_cost.end(), begin);
  std::stable_sort(by_cost.begin(), by_cost.end(), [&](int a, int b) { return costs[a] > costs[b]; });
  std::vector<double> load(world_size, 0);
  std::vector<std::vector<int>> groups_of_rank(world_size);
  for (const int group : by_cost) {
    // First in the order of positions, so that equal costs move nothing.
    int32_t least = -1;
    for (int position = begin; position < std::min(end, begin + world_size); ++position) {
      const int32_t rank = position % world_size;
      const int num_positions = (end - position + world_size - 1) / world_size;
      if (static_cast<int>(groups_of_rank[rank].size()) == num_positions) continue;
      if (least < 0 || load[rank] < load[least]) least = rank;
    }
    groups_of_rank[least].push_back(group);
    load[least] += costs[group];
  }
  std::vector<int> order;
  for (std::vector<int>& groups : groups_of_rank) std::sort(groups.begin(), groups.end());
  std::vector<size_t> next(world_size, 0);
  for (int position = begin; position < end; ++position) {
    const int32_t rank = position % world_size;
    order.push_back(groups_of_rank[rank][next[rank]++]);
  }
  return order;
}

}  // namespace

double PassCost(const cohort::v1::PlannedGroup& group) {
  double cost = 0;
  for (const int32_t completion_tokens : group.completion_tokens()) {
    const double tokens = static_cast<double>(group.prompt_tokens()) + completion_tokens;
    cost += tokens * (1 + tokens / kEqualCostTokens);
  }
  return cost;
}

void BalanceOverRanks(const PlanShape& shape, cohort::v1::StepPlan* plan) {
  const int64_t num_groups = plan->groups_size();
  if (shape.world_size <= 1 || num_groups == 0) return;
  std::vector<double> costs;
  for (const cohort::v1::PlannedGroup& group : plan->groups()) costs.push_back(PassCost(group));
  const int64_t num_updates = std::clamp<int64_t>(shape.updates_per_step, 1, num_groups);
  cohort::v1::StepPlan balanced;
  for (int64_t update = 0; update < num_updates; ++update) {
    const auto begin = static_cast<int>(update * num_groups / num_updates);
    const auto end = static_cast<int>((update + 1) * num_groups / num_updates);
    for (const int group : BalancedOrder(costs, begin, end, shape.world_size)) {
      balanced.add_groups()->Swap(plan->mutable_groups(group));
    }
  }
  plan->mutable_groups()->Swap(balanced.mutable_groups());
}

}  // namespace cohort::coordinator
