// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_RANK_BALANCE_H_
#define COHORT_COORDINATOR_RANK_BALANCE_H_

#include <cstdint>

#include "cohort/v1/learner_service.pb.h"

namespace cohort::coordinator {

// How a plan is split (docs/adr/0001-plans-name-groups-the-split-is-computed.md): update u of U has the groups
// [uG/U, (u+1)G/U), group i is of rank i % world_size.
struct PlanShape {
  int32_t world_size = 1;
  int64_t updates_per_step = 1;
};

// What a forward and backward pass over the sequences of a group costs, in tokens of a short sequence: linear in the
// tokens, and quadratic for attention.
double PassCost(const cohort::v1::PlannedGroup& group);

// Changes the order of the groups inside each update so that its ranks get shares of equal cost, as far as whole groups
// allow: the dearest first, each to the rank with the least so far. The number of groups that a rank gets stays, those
// of one rank keep their order, and when all cost the same nothing moves. Nothing else of the plan changes. Pure.
void BalanceOverRanks(const PlanShape& shape, cohort::v1::StepPlan* plan);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_RANK_BALANCE_H_
