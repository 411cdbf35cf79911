// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/checkpoint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/optimizer_file.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/parameter_selection.h"
#include "model/architectures/architecture_table.h"
#include "model/model_config.h"
#include "model/weight_sync/weight_digest.h"
#include "model/weights/checkpoint_folder.h"
#include "model/weights/weight_file_names.h"

namespace cohort::learner {
namespace {

// A manifest that lost entries would vouch for too little. Which shards there must be, the index says.
absl::Status CheckComplete(const CheckpointManifest& manifest, const std::string& directory) {
  const auto is_listed = [&manifest](std::string_view name) {
    return std::any_of(manifest.files.begin(), manifest.files.end(),
                       [name](const ManifestEntry& file) { return file.name == name; });
  };
  const char* weights = is_listed(model::kWeightsIndexFile) ? model::kWeightsIndexFile : model::kWeightsFile;
  for (const char* name : {"config.json", weights, "optimizer.safetensors", "train_state.json"}) {
    if (is_listed(name)) continue;
    return absl::DataLossError(absl::StrCat(directory, ": the manifest lacks a file, ", name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrainState> CreateTrainState(std::string_view model_path, const cohort::v1::OptimizerSpec& optimizer,
                                            const at::Device& device, const RankPlace& place) {
  TrainState state;
  COHORT_ASSIGN_OR_RETURN(const model::ModelConfig config, model::LoadModelConfig(model_path));
  // Straight into the flat buffer: the weights are in memory once.
  COHORT_ASSIGN_OR_RETURN(
      state.parameters,
      FlatParameters::Create(SelectParameters(model::FindArchitecture(config.architecture)->parameters(config)), device,
                             place));
  COHORT_RETURN_IF_ERROR(model::LoadParametersInto(model_path, config, state.parameters->parameters()));
  COHORT_ASSIGN_OR_RETURN(state.optimizer, AdamW::Create(optimizer, state.parameters.get()));
  COHORT_ASSIGN_OR_RETURN(state.decoder, model::Decoder::Create(config, state.parameters->parameters()));
  return state;
}

absl::StatusOr<std::string> SealCheckpoint(const SavedState& state, const SealOptions& options) {
  const FolderWriter write = [&](const std::string& directory) -> absl::Status {
    COHORT_RETURN_IF_ERROR(
        model::WriteModelFolder(directory, options.model_path, state.weights, model::kMaxShardBytes, options.files));
    COHORT_RETURN_IF_ERROR(WriteOptimizerFile(directory, state, options.files));
    return WriteTrainState(directory,
                           {.policy_version = state.policy_version,
                            .num_updates = state.num_updates,
                            .incarnation = options.incarnation,
                            .spec_digest = options.spec_digest},
                           options.files);
  };
  // One that would not be loaded is not kept for the sake of its digest.
  const std::string sealed = SealedFolderPath(options.parent, state.policy_version);
  const absl::StatusOr<CheckpointManifest> present = ReadManifest(sealed, options.files);
  if (present.ok() && !CheckComplete(*present, sealed).ok()) {
    COHORT_RETURN_IF_ERROR(SetAside(sealed, options.files).status());
  }
  return SealFolder(options.parent, state.policy_version, options.weight_digest, write, options.files);
}

absl::StatusOr<TrainState> LoadCheckpoint(std::string_view directory_view, const ExpectedCheckpoint& expected,
                                          const cohort::v1::OptimizerSpec& optimizer, const at::Device& device,
                                          const RankPlace& place) {
  const std::string directory(directory_view);
  COHORT_ASSIGN_OR_RETURN(const CheckpointManifest manifest, VerifyManifest(directory));
  COHORT_RETURN_IF_ERROR(CheckComplete(manifest, directory));
  COHORT_ASSIGN_OR_RETURN(const TrainStateRecord record, ReadTrainState(directory));
  for (const int64_t version : {manifest.policy_version, record.policy_version}) {
    if (version == expected.policy_version) continue;
    return absl::DataLossError(
        absl::StrCat(directory, ": holds version ", version, " instead of ", expected.policy_version));
  }
  if (record.spec_digest != expected.spec_digest) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory, ": written by a job with another spec (", record.spec_digest, ")"));
  }
  COHORT_ASSIGN_OR_RETURN(TrainState state, CreateTrainState(directory, optimizer, device, place));
  COHORT_RETURN_IF_ERROR(ReadOptimizerFile(directory, *state.parameters, state.optimizer.get()));
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::WeightManifest weights,
                          model::DescribeWeights(state.parameters->parameters()));
  if (common::HexOf(weights.digest()) != manifest.weight_digest) {
    return absl::DataLossError(absl::StrCat(directory, ": the weights are not those of the manifest (digest ",
                                            common::HexOf(weights.digest()), ")"));
  }
  state.policy_version = record.policy_version;
  state.num_updates = record.num_updates;
  return state;
}

}  // namespace cohort::learner
