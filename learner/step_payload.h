// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_STEP_PAYLOAD_H_
#define COHORT_LEARNER_STEP_PAYLOAD_H_

// Torch-free.
#include <vector>

#include "cohort/v1/learner_service.pb.h"
#include "cohort/v1/rollout.pb.h"

namespace cohort::learner {

// One answer of GetStep, parts put together: the plan and this rank's payload in plan order.
struct StepPayload {
  cohort::v1::StepPlan plan;
  std::vector<cohort::v1::RolloutGroup> groups;
  std::vector<cohort::v1::Demonstration> demonstrations;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_STEP_PAYLOAD_H_
