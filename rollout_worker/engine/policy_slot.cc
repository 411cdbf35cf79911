// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/policy_slot.h"

#include <ATen/ops/empty.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/architectures/architecture_table.h"

namespace cohort::rollout_worker {

absl::Status PolicySlot::SwitchTo(const cohort::v1::WeightSource& source, const model::ModelConfig& config,
                                  model::WeightSubscriber* subscriber) {
  if (engine_ != nullptr && engine_->HasWork()) {
    return absl::FailedPreconditionError(
        absl::StrCat("policy slot: version ", policy_version_, " of ", job_, " is still in use"));
  }
  if (job_ != source.job()) Clear();
  if (engine_ == nullptr) {
    const absl::Status built = Build(config);
    if (!built.ok()) Clear();  // what could be allocated is wanted elsewhere
    COHORT_RETURN_IF_ERROR(built);
  }
  if (engine_->blocks().num_free() != engine_->blocks().num_blocks()) {
    return absl::InternalError(absl::StrCat("policy slot: KV blocks of version ", policy_version_, " are still held"));
  }
  const absl::Status fetched = subscriber->Fetch(source, &parameters_);
  if (!fetched.ok()) {
    const bool is_half_written = absl::IsInternal(fetched) || absl::IsResourceExhausted(fetched);
    if (policy_version_ < 0 || is_half_written) Clear();
    return fetched;
  }
  job_ = source.job();
  policy_version_ = source.policy_version();
  return absl::OkStatus();
}

absl::Status PolicySlot::Build(const model::ModelConfig& config) {
  const model::Architecture* architecture = model::FindArchitecture(config.architecture);
  if (architecture == nullptr) {
    return absl::UnimplementedError(absl::StrCat("architecture: is not supported (", config.architecture, ")"));
  }
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("allocating the parameters", [&] {
    for (const model::ParameterSpec& spec : architecture->parameters(config)) {
      parameters_.entries.emplace_back(spec.name, at::empty(spec.shape, at::dtype(at::kFloat).device(device_)));
    }
    return absl::OkStatus();
  }));
  COHORT_ASSIGN_OR_RETURN(decoder_, model::Decoder::Create(config, parameters_));
  COHORT_ASSIGN_OR_RETURN(engine_, Engine::Create(options_, decoder_.get(), clock_));
  return absl::OkStatus();
}

void PolicySlot::Clear() {
  engine_.reset();
  decoder_.reset();
  parameters_.entries.clear();
  job_.clear();
  policy_version_ = -1;
}

}  // namespace cohort::rollout_worker
