// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_LIST_H_
#define COHORT_COORDINATOR_JOB_LIST_H_

#include <functional>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/job_service.pb.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// Whether a caller may see the jobs of a namespace.
using NamespaceFilter = std::function<bool(std::string_view name_space)>;

// JobService.ListJobs over a store: jobs of other namespaces than `may_see` allows are left out. Jobs come in order of
// creation, which never changes, so pages miss none and repeat none whatever happens between them. A page looks at a
// bounded number of jobs and is one message of at most 4 MiB, so it may be shorter than asked for, or empty, and still
// have a next one. INVALID_ARGUMENT names the field. Thread-safe, as the store is.
absl::StatusOr<cohort::v1::ListJobsResponse> ListJobs(JobStore* store, const cohort::v1::ListJobsRequest& request,
                                                      const NamespaceFilter& may_see);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_LIST_H_
