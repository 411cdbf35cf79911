// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_OPTIMIZER_VALIDATION_H_
#define COHORT_COORDINATOR_OPTIMIZER_VALIDATION_H_

#include "absl/status/status.h"
#include "cohort/v1/optimizer_spec.pb.h"

namespace cohort::coordinator {

// Checks the optimizer and fills its defaults. Errors name the field below OptimizerSpec and the value.
absl::Status ResolveOptimizer(cohort::v1::OptimizerSpec* optimizer);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_OPTIMIZER_VALIDATION_H_
