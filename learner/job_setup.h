// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_JOB_SETUP_H_
#define COHORT_LEARNER_JOB_SETUP_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"
#include "learner/step_data.h"
#include "learner/train_step.h"
#include "model/decoder.h"
#include "model/model_config.h"

namespace cohort::learner {

// What a resolved job spec says about its train steps. Pure.
TrainStepOptions StepOptions(const cohort::v1::JobSpec& spec);

// What it says about reading their data, for rank 0 of 1 and without objective and tokenizer. Pure.
StepDataOptions DataOptions(const cohort::v1::JobSpec& spec, const model::ModelConfig& config);

// The initial policy, frozen, for objectives with a KL penalty. Errors as model::LoadParameters.
absl::StatusOr<std::unique_ptr<model::Decoder>> LoadReference(std::string_view model_path, const at::Device& device);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_JOB_SETUP_H_
