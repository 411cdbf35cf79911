// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/checkpoint.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/optimizer_file.h"
#include "learner/checkpoint/sealed_folder.h"
#include "model/model_config.h"
#include "model/weights/checkpoint_folder.h"

namespace cohort::learner {

absl::StatusOr<TrainState> CreateTrainState(std::string_view model_path, const cohort::v1::OptimizerSpec& optimizer,
                                            const at::Device& device) {
  TrainState state;
  COHORT_ASSIGN_OR_RETURN(const model::ModelConfig config, model::LoadModelConfig(model_path));
  COHORT_ASSIGN_OR_RETURN(const model::ParameterMap loaded, model::LoadParameters(model_path, config, device));
  COHORT_ASSIGN_OR_RETURN(state.parameters, FlatParameters::Create(loaded));
  COHORT_ASSIGN_OR_RETURN(state.optimizer, AdamW::Create(optimizer, state.parameters.get()));
  COHORT_ASSIGN_OR_RETURN(state.decoder, model::Decoder::Create(config, state.parameters->parameters()));
  return state;
}

absl::StatusOr<std::string> SealCheckpoint(const TrainState& state, const SealOptions& options) {
  return SealFolder(
      options.parent, state.policy_version, options.weight_digest, [&](const std::string& directory) -> absl::Status {
        COHORT_RETURN_IF_ERROR(model::WriteModelFolder(directory, options.model_path, state.parameters->parameters()));
        COHORT_RETURN_IF_ERROR(WriteOptimizerFile(directory, *state.parameters, *state.optimizer));
        return WriteTrainState(directory, {.policy_version = state.policy_version,
                                           .num_updates = state.num_updates,
                                           .incarnation = options.incarnation,
                                           .spec_digest = options.spec_digest});
      });
}

absl::StatusOr<TrainState> LoadCheckpoint(std::string_view directory, std::string_view spec_digest,
                                          const cohort::v1::OptimizerSpec& optimizer, const at::Device& device) {
  COHORT_RETURN_IF_ERROR(VerifyManifest(directory).status());
  COHORT_ASSIGN_OR_RETURN(const TrainStateRecord record, ReadTrainState(directory));
  if (record.spec_digest != spec_digest) {
    return absl::FailedPreconditionError(
        absl::StrCat(std::string(directory), ": written by a job with another spec (", record.spec_digest, ")"));
  }
  COHORT_ASSIGN_OR_RETURN(TrainState state, CreateTrainState(directory, optimizer, device));
  COHORT_RETURN_IF_ERROR(ReadOptimizerFile(directory, *state.parameters, state.optimizer.get()));
  state.policy_version = record.policy_version;
  state.num_updates = record.num_updates;
  return state;
}

}  // namespace cohort::learner
