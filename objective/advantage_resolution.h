// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_ADVANTAGE_RESOLUTION_H_
#define COHORT_OBJECTIVE_ADVANTAGE_RESOLUTION_H_

#include "absl/status/status.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/resolution_context.h"

namespace cohort::objective {

// The AdvantageSpec of objective_resolution.h; arguments as in branch_resolution.h. Paths are within AdvantageSpec.
// Pure.
absl::Status ResolveAdvantage(const cohort::v1::AdvantageSpec& job, const ResolutionContext& context,
                              cohort::v1::AdvantageSpec* merged);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_ADVANTAGE_RESOLUTION_H_
