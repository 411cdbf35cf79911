// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/policy_slot.h"

#include <ATen/ops/empty.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/architectures/architecture_table.h"
#include "model/scalar_type.h"
#include "model/weight_sync/weight_digest.h"
#include "model/weights/checkpoint_folder.h"
#include "rollout_worker/engine/folder_state.h"

namespace cohort::rollout_worker {
namespace {

absl::StatusOr<model::ParameterMap> AllocateParameters(const model::ModelConfig& config, model::Precision precision,
                                                       const at::Device& device) {
  const model::Architecture* architecture = model::FindArchitecture(config.architecture);
  if (architecture == nullptr) {
    return absl::UnimplementedError(absl::StrCat("architecture: is not supported (", config.architecture, ")"));
  }
  model::ParameterMap parameters;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("allocating the parameters", [&] {
    const auto options = at::dtype(model::ScalarTypeOf(precision)).device(device);
    for (const model::ParameterSpec& spec : architecture->parameters(config)) {
      parameters.entries.emplace_back(spec.name, at::empty(spec.shape, options));
    }
    return absl::OkStatus();
  }));
  return parameters;
}

}  // namespace

bool PolicySlot::Holds(const cohort::v1::WeightSource& source, model::Precision precision) const {
  if (!Holds(source.job(), source.policy_version()) || model_path_ != source.model_path()) return false;
  if (decoder_->precision() != precision) return false;
  if (model_path_.empty()) return digest_ == source.digest();
  if (!source.digest().empty() && source.digest() != folder_digest_) return false;
  const std::string state = FolderState(model_path_);
  return state.empty() || state == folder_state_;
}

absl::Status PolicySlot::SwitchTo(const cohort::v1::WeightSource& source, const model::ModelConfig& config,
                                  model::WeightSubscriber* subscriber, model::Precision precision) {
  if (engine_ != nullptr && engine_->HasWork()) {
    return absl::FailedPreconditionError(
        absl::StrCat("policy slot: version ", policy_version_, " of ", job_, " is still in use"));
  }
  // A name may be taken again by a job with another model.
  if (job_ != source.job() || config_ != config || (decoder_ != nullptr && decoder_->precision() != precision)) Clear();
  if (engine_ == nullptr) {
    const absl::Status built = Build(config, precision);
    if (!built.ok()) Clear();  // what could be allocated is wanted elsewhere
    COHORT_RETURN_IF_ERROR(built);
  }
  if (engine_->blocks().num_free() != engine_->blocks().num_blocks()) {
    return absl::InternalError(absl::StrCat("policy slot: KV blocks of version ", policy_version_, " are still held"));
  }
  const bool is_folder = !source.model_path().empty();
  // Before the load: what is written meanwhile is not taken for what was read.
  const std::string folder_state = is_folder ? FolderState(source.model_path()) : "";
  absl::StatusOr<std::string> folder_digest = "";
  if (is_folder) folder_digest = LoadFolder(source, config);
  const absl::Status loaded = is_folder ? folder_digest.status() : subscriber->Fetch(source, &parameters_);
  if (!loaded.ok()) {
    const bool is_half_written = is_folder || absl::IsInternal(loaded) || absl::IsResourceExhausted(loaded);
    if (policy_version_ < 0 || is_half_written) Clear();
    return loaded;
  }
  job_ = source.job();
  policy_version_ = source.policy_version();
  digest_ = source.digest();
  model_path_ = source.model_path();
  folder_state_ = folder_state;
  folder_digest_ = *std::move(folder_digest);
  return absl::OkStatus();
}

int64_t PolicySlot::num_bytes() const {
  int64_t num_elements = 0;
  for (const auto& [name, tensor] : parameters_.entries) num_elements += tensor.numel();
  return num_elements * static_cast<int64_t>(sizeof(float));
}

absl::StatusOr<std::string> PolicySlot::LoadFolder(const cohort::v1::WeightSource& source,
                                                   const model::ModelConfig& config) {
  // The digest is of fp32: bf16 gets its numbers from a copy that goes when it is verified.
  model::ParameterMap loaded_parameters = parameters_;
  if (decoder_->precision() == model::Precision::kBf16) {
    COHORT_ASSIGN_OR_RETURN(loaded_parameters, AllocateParameters(config, model::Precision::kFp32, device_));
  }
  const absl::Status loaded = model::LoadParametersInto(source.model_path(), config, loaded_parameters);
  // Unlike a version that is not published yet, it will not come by itself.
  if (absl::IsNotFound(loaded)) return absl::FailedPreconditionError(loaded.message());
  COHORT_RETURN_IF_ERROR(loaded);
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::WeightManifest manifest, model::DescribeWeights(loaded_parameters));
  if (!source.digest().empty() && manifest.digest() != source.digest()) {
    // Another worker may hold the right ones: no fault of a group.
    return absl::AbortedError(
        absl::StrCat(source.model_path(), ": holds other weights here (digest ", common::HexOf(manifest.digest()),
                     ") than those that the job is sampled with (", common::HexOf(source.digest()), ")"));
  }
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("rounding the parameters", [&] {
    if (decoder_->precision() == model::Precision::kFp32) return absl::OkStatus();
    for (size_t i = 0; i < parameters_.entries.size(); ++i) {
      parameters_.entries[i].second.copy_(loaded_parameters.entries[i].second);
    }
    return absl::OkStatus();
  }));
  return manifest.digest();
}

absl::Status PolicySlot::Build(const model::ModelConfig& config, model::Precision precision) {
  COHORT_ASSIGN_OR_RETURN(parameters_, AllocateParameters(config, precision, device_));
  COHORT_ASSIGN_OR_RETURN(decoder_, model::Decoder::Create(config, parameters_, {.precision = precision}));
  COHORT_ASSIGN_OR_RETURN(engine_, Engine::Create(options_, decoder_.get(), clock_));
  config_ = config;
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
