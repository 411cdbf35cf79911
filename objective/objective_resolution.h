// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_OBJECTIVE_RESOLUTION_H_
#define COHORT_OBJECTIVE_OBJECTIVE_RESOLUTION_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/resolution_context.h"

namespace cohort::objective {

// Expands the preset, lays the fields of `spec` over it (branch i over branch i) and fills what is left with defaults.
// In the result a field is unset when it is off or has no meaning for what was chosen; resolving it again changes
// nothing. INVALID_ARGUMENT names the field (common::InvalidField, path from ObjectiveSpec) that is out of range, that
// contradicts another or that would do nothing. Pure.
absl::StatusOr<cohort::v1::ObjectiveSpec> ResolveObjective(const cohort::v1::ObjectiveSpec& spec,
                                                           const ResolutionContext& context);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_OBJECTIVE_RESOLUTION_H_
