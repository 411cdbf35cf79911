// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_OBJECTIVE_SPEC_CHECK_H_
#define COHORT_OBJECTIVE_OBJECTIVE_SPEC_CHECK_H_

// Torch-free.
#include "absl/status/status.h"
#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

// INVALID_ARGUMENT names the field of ObjectiveSpec that is out of range, with its value; for submit and for
// objective_registry.h. Pure.
absl::Status CheckObjectiveSpec(const cohort::v1::ObjectiveSpec& spec);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_OBJECTIVE_SPEC_CHECK_H_
