// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/plan_split.h"

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

}  // namespace cohort::learner
