// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_INITIAL_POLICY_H_
#define COHORT_COORDINATOR_INITIAL_POLICY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/model_spec.pb.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// Folder of the initial policy of a job in `name_space`: a path below `model_root`, the final checkpoint of a job that
// has succeeded, or a sealed checkpoint of a job in any state. INVALID_ARGUMENT names the field below JobSpec;
// FAILED_PRECONDITION when the final checkpoint is asked for and the job has not succeeded; UNAVAILABLE when the store
// cannot be read now.
absl::StatusOr<std::string> InitialPolicyFolder(JobStore* store, std::string_view model_root,
                                                std::string_view name_space, const cohort::v1::ModelSpec& model);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_INITIAL_POLICY_H_
