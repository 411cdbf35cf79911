// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/testing/random_groups.h"

#include <random>
#include <utility>

namespace cohort::rollout_worker {

std::vector<EngineGroup> RandomGroups(int count) {
  std::mt19937 random(11);
  const auto below = [&random](int32_t bound) { return static_cast<int32_t>(random() % bound); };
  std::vector<EngineGroup> groups;
  for (int i = 0; i < count; ++i) {
    EngineGroup group;
    group.id = 1000 + i;
    group.seed = 42;
    group.problem_id = i;
    group.epoch = i % 3;
    group.group_size = 1 + below(9);
    const int32_t num_prompt_tokens = i % 5 == 0 ? 16 * (1 + below(3)) : 1 + below(70);
    for (int32_t t = 0; t < num_prompt_tokens; ++t) group.prompt_token_ids.push_back(1 + below(17));
    group.sampling.max_completion_tokens = 1 + below(60);
    if (i % 4 == 1) group.sampling.temperature = 0.7;
    if (i % 4 == 2) group.sampling.temperature = 0;
    if (i % 4 == 3) {
      group.sampling.top_k = 5;
      group.sampling.top_p = 0.9;
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace cohort::rollout_worker
