// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_BATCH_PLAN_SPLIT_H_
#define COHORT_LEARNER_BATCH_PLAN_SPLIT_H_

// Torch-free.
#include <cstdint>
#include <vector>

#include "cohort/v1/learner_service.pb.h"

namespace cohort::learner {

// Groups [begin, end) of a plan.
struct GroupRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// Update u of U trains groups [u G / U, (u + 1) G / U) of a plan of G groups.
GroupRange GroupsOfUpdate(int64_t num_groups, int64_t update, int64_t num_updates);

// Group i of a plan belongs to rank i % world_size: the indices of `range` that are this rank's, rising.
std::vector<int64_t> GroupsOfRank(const GroupRange& range, int64_t rank, int64_t world_size);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_BATCH_PLAN_SPLIT_H_
