// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_BRANCH_RESOLUTION_H_
#define COHORT_OBJECTIVE_BRANCH_RESOLUTION_H_

#include "absl/status/status.h"
#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

// One branch of objective_resolution.h: `merged` is the preset's branch under the fields of `job`, which are told apart
// because only they are refused for having no meaning. Paths are within RatioBranch. Pure.
absl::Status ResolveBranch(const cohort::v1::RatioBranch& job, cohort::v1::RatioBranch* merged);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_BRANCH_RESOLUTION_H_
