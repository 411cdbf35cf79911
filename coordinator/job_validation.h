// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_VALIDATION_H_
#define COHORT_COORDINATOR_JOB_VALIDATION_H_

#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// The spec with every default filled in that does not depend on files. INVALID_ARGUMENT names the field path and the
// value of the first thing that is wrong or impossible in combination. Pure.
absl::StatusOr<cohort::v1::JobSpec> ResolveJobSpec(const cohort::v1::JobSpec& spec);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_VALIDATION_H_
