// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_REWARD_VALIDATION_H_
#define COHORT_COORDINATOR_REWARD_VALIDATION_H_

#include "absl/status/status.h"
#include "cohort/v1/reward_spec.pb.h"

namespace cohort::coordinator {

// Checks a rubric and fills its defaults. Errors name the field below RewardSpec and the value.
absl::Status ResolveReward(cohort::v1::RewardSpec* reward);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_REWARD_VALIDATION_H_
