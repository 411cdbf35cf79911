// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STEP_PAYLOAD_H_
#define COHORT_COORDINATOR_STEP_PAYLOAD_H_

#include <functional>

#include "absl/status/status.h"
#include "cohort/v1/learner_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/dataset/dataset.h"

namespace cohort::coordinator {

// Sends a plan and, for a training plan, the groups or demonstrations of one rank in the order of the plan. The same
// messages every time. `demonstrations` is the dataset of an SFT job, else null. CANCELLED when `send` returns false.
absl::Status SendStep(const CoordinatorContext& context, const cohort::v1::GetStepRequest& request,
                      const cohort::v1::StepPlan& plan, const Dataset* demonstrations,
                      const std::function<bool(const cohort::v1::GetStepResponse&)>& send);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STEP_PAYLOAD_H_
