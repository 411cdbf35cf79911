// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SCHEDULING_VALIDATION_H_
#define COHORT_COORDINATOR_SCHEDULING_VALIDATION_H_

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// Ranges and devices of JobSpec.scheduling. INVALID_ARGUMENT names the field below it. `has_ranks`: the job is trained
// by learner ranks.
absl::Status CheckScheduling(const cohort::v1::SchedulingSpec& scheduling, bool has_ranks);

// Limits of JobSpec.budget, none of them negative. INVALID_ARGUMENT names the field below it.
absl::Status CheckBudget(const cohort::v1::BudgetSpec& budget);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SCHEDULING_VALIDATION_H_
