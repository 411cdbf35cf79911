// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_UNRANKED_JOB_VALIDATION_H_
#define COHORT_COORDINATOR_UNRANKED_JOB_VALIDATION_H_

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// Fills in the defaults of an EVAL or RESCORE job. INVALID_ARGUMENT names field and value of what is missing, wrong, or
// would do nothing because the job trains nothing. Pure.
absl::Status ResolveUnrankedJob(cohort::v1::JobSpec* job);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_UNRANKED_JOB_VALIDATION_H_
