// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_PROCESS_LIST_H_
#define COHORT_COORDINATOR_PROCESS_LIST_H_

#include "absl/status/statusor.h"
#include "cohort/v1/job_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/gang_assembly.h"
#include "coordinator/job_directory.h"

namespace cohort::coordinator {

// Rollout workers and learners that were heard of lately, and what they work for: JobService.ListProcesses. Pages go on
// behind a role and id, so one that stays while others come and go is on exactly one page. A page is one message of at
// most 4 MiB. INVALID_ARGUMENT names page_size or page_token. Thread-safe.
absl::StatusOr<cohort::v1::ListProcessesResponse> ListProcesses(const cohort::v1::ListProcessesRequest& request,
                                                                const CoordinatorContext& context,
                                                                const JobDirectory& jobs, const GangAssembly& gangs);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_PROCESS_LIST_H_
