// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/plan_split.h"

#include <algorithm>

namespace cohort::learner {

GroupRange GroupsOfUpdate(int64_t num_groups, int64_t update, int64_t num_updates) {
  return {.begin = update * num_groups / num_updates, .end = (update + 1) * num_groups / num_updates};
}

std::vector<int64_t> GroupsOfRank(const GroupRange& range, int64_t rank, int64_t world_size) {
  std::vector<int64_t> indices;
  for (int64_t i = range.begin; i < range.end; ++i) {
    if (i % world_size == rank) indices.push_back(i);
  }
  return indices;
}

PlanTotals TotalsOf(const cohort::v1::StepPlan& plan, const GroupRange& range) {
  PlanTotals totals;
  for (int64_t i = range.begin; i < range.end; ++i) {
    const cohort::v1::PlannedGroup& group = plan.groups(static_cast<int>(i));
    for (int32_t num_tokens : group.completion_tokens()) totals.num_tokens += num_tokens;
    totals.num_sequences += std::max(1, group.completion_tokens_size());
  }
  return totals;
}

}  // namespace cohort::learner
