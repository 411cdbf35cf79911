// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PLANNED_FACTS_H_
#define COHORT_OBJECTIVE_PLANNED_FACTS_H_

// Torch-free.
#include "cohort/v1/learner_service.pb.h"
#include "objective/rollout_facts.h"

namespace cohort::objective {

// What a plan says of a group, as credit reads it. Pure.
GroupFacts FactsOf(const cohort::v1::PlannedGroup& group);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PLANNED_FACTS_H_
