// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_PROCESS_LIST_H_
#define COHORT_COORDINATOR_PROCESS_LIST_H_

#include "cohort/v1/job_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/gang_assembly.h"
#include "coordinator/job_directory.h"

namespace cohort::coordinator {

// Rollout workers and learners that were heard of lately, and what they work for: JobService.ListProcesses.
cohort::v1::ListProcessesResponse ListProcesses(const CoordinatorContext& context, const JobDirectory& jobs,
                                                const GangAssembly& gangs);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_PROCESS_LIST_H_
