// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_JOB_CONTEXT_H_
#define COHORT_OBJECTIVE_JOB_CONTEXT_H_

#include "cohort/v1/job.pb.h"
#include "objective/resolution_context.h"

namespace cohort::objective {

// What a job says about the rollouts that its objective will see. Pure.
ResolutionContext ContextOfJob(const cohort::v1::JobSpec& job);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_JOB_CONTEXT_H_
