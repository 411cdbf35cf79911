// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STEP_TIMINGS_H_
#define COHORT_COORDINATOR_STEP_TIMINGS_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cohort/v1/job_service.pb.h"
#include "cohort/v1/learner_service.pb.h"

namespace cohort::coordinator {

// INVALID_ARGUMENT names the field: each rank of `world_size` at most once, and phases with names and times that are
// some. They travel on in an event, which is one message.
absl::Status CheckRankTimings(const cohort::v1::CommitStepRequest& request, int32_t world_size);

// What is stored of a committed step. `planned`: nullopt when it is not known.
cohort::v1::StepTimings TimingsOfStep(const cohort::v1::CommitStepRequest& request, const cohort::v1::StepPlan& plan,
                                      std::optional<absl::Time> planned);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STEP_TIMINGS_H_
