// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SCHEDULE_VALIDATION_H_
#define COHORT_COORDINATOR_SCHEDULE_VALIDATION_H_

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// Checks what a rollout spec says about schedule and failure budget, and fills defaults. INVALID_ARGUMENT names the
// field.
absl::Status ResolveSchedule(cohort::v1::RolloutSpec* rollout);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SCHEDULE_VALIDATION_H_
