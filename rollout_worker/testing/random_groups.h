// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_TESTING_RANDOM_GROUPS_H_
#define COHORT_ROLLOUT_WORKER_TESTING_RANDOM_GROUPS_H_

// Torch-free.
#include <vector>

#include "rollout_worker/engine/sequence.h"

namespace cohort::rollout_worker {

// Groups of many shapes for the tiny model, always the same: prompts shorter and longer than a block and of whole
// blocks, sizes 1 to 9, every kind of sampling. Ids count from 1000.
std::vector<EngineGroup> RandomGroups(int count);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_TESTING_RANDOM_GROUPS_H_
