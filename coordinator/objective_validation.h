// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_OBJECTIVE_VALIDATION_H_
#define COHORT_COORDINATOR_OBJECTIVE_VALIDATION_H_

#include "absl/status/status.h"
#include "cohort/v1/objective_spec.pb.h"
#include "cohort/v1/optimizer_spec.pb.h"

namespace cohort::coordinator {

// Checks the update rule and fills its defaults; an unset one becomes sft or grpo by the kind of job. Errors name the
// field below ObjectiveSpec and the value.
absl::Status ResolveObjective(bool is_sft_job, cohort::v1::ObjectiveSpec* objective);

// Needs at least two completions per prompt.
bool IsGroupRelative(const cohort::v1::ObjectiveSpec& objective);

// Errors name the field below OptimizerSpec and the value.
absl::Status ResolveOptimizer(cohort::v1::OptimizerSpec* optimizer);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_OBJECTIVE_VALIDATION_H_
