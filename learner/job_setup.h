// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_JOB_SETUP_H_
#define COHORT_LEARNER_JOB_SETUP_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"
#include "learner/policy.h"
#include "learner/step_data.h"
#include "learner/train_state.h"
#include "learner/train_step.h"
#include "model/model_config.h"

namespace cohort::learner {

// What a resolved job spec says about its train steps. Pure.
TrainStepOptions StepOptions(const cohort::v1::JobSpec& spec);

// Its optimizer for a process that repeats the job alone: the weights are the same but for rounding. Pure.
cohort::v1::OptimizerSpec UnshardedOptimizer(const cohort::v1::JobSpec& spec);

// What it says about reading their data, for rank 0 of 1 and without objective and tokenizer. Pure.
StepDataOptions DataOptions(const cohort::v1::JobSpec& spec, const model::ModelConfig& config);

// The initial policy, frozen, for objectives with a KL penalty: on the device, in the precision and spread over ranks
// as the policy of `state`. Errors as LoadPolicy.
absl::StatusOr<Policy> LoadReference(std::string_view model_path, const TrainState& state);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_JOB_SETUP_H_
