// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/checkpoint.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "learner/checkpoint/checkpoint_plan.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/checkpoint/state_files.h"
#include "learner/policy.h"
#include "model/weights/checkpoint_folder.h"
#include "model/weights/folder_files.h"
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
  for (const char* name : {"config.json", weights, "train_state.json"}) {
    if (is_listed(name)) continue;
    return absl::DataLossError(absl::StrCat(directory, ": the manifest lacks a file, ", name));
  }
  const absl::Status moments = OptimizerFilesOf(manifest).status();
  return moments.ok() ? moments : absl::DataLossError(absl::StrCat(directory, ": ", std::string(moments.message())));
}

// What belongs to no rank's part.
absl::Status WriteSharedFiles(const std::string& directory, const SavedState& state, const SealOptions& options,
                              std::vector<std::string>* names) {
  COHORT_RETURN_IF_ERROR(model::CopyFolderFiles(options.model_path, directory, names, options.files));
  if (!state.plan.weights_index.empty()) {
    COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(
        options.files, absl::StrCat(directory, "/", model::kWeightsIndexFile), state.plan.weights_index));
    names->push_back(model::kWeightsIndexFile);
  }
  COHORT_RETURN_IF_ERROR(WriteTrainState(directory,
                                         {.policy_version = state.policy_version,
                                          .num_updates = state.num_updates,
                                          .incarnation = options.incarnation,
                                          .spec_digest = options.spec_digest},
                                         options.files));
  names->push_back(kTrainStateFile);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrainState> CreateTrainState(std::string_view model_path, const cohort::v1::OptimizerSpec& optimizer,
                                            const at::Device& device, const RankPlace& place,
                                            model::Precision precision, std::string* weight_digest) {
  COHORT_ASSIGN_OR_RETURN(
      Policy policy,
      LoadPolicy(model_path,
                 {.device = device, .place = place, .shards_layers = ShardsLayers(optimizer), .precision = precision},
                 weight_digest));
  TrainState state;
  state.parameters = std::move(policy.parameters);
  state.layers = std::move(policy.layers);
  COHORT_ASSIGN_OR_RETURN(state.optimizer, AdamW::Create(optimizer, state.parameters.get()));
  state.decoder = std::move(policy.decoder);
  return state;
}

GangFolder FolderOf(int64_t policy_version, const RankPlace& place, const SealOptions& options) {
  return {.parent = options.parent,
          .policy_version = policy_version,
          .weight_digest = options.weight_digest,
          .incarnation = options.incarnation,
          .place = place,
          .files = options.files};
}

absl::StatusOr<std::string> SealCheckpoint(const SavedState& state, const SealOptions& options) {
  const bool is_first = state.place.rank == 0;
  const FolderWriter write = [&](const std::string& directory, std::vector<std::string>* names) -> absl::Status {
    if (is_first) COHORT_RETURN_IF_ERROR(WriteSharedFiles(directory, state, options, names));
    return WritePartFiles(directory, state, names, options.files);
  };
  const GangFolder folder = FolderOf(state.policy_version, state.place, options);
  const std::string sealed = SealedFolderPath(options.parent, state.policy_version);
  if (!is_first) {
    COHORT_RETURN_IF_ERROR(WritePart(folder, write).status());
    return sealed;
  }
  // One that would not be loaded is not kept for the sake of its digest.
  const absl::StatusOr<CheckpointManifest> present = ReadManifest(sealed, options.files);
  if (present.ok() && !CheckComplete(*present, sealed).ok()) {
    COHORT_RETURN_IF_ERROR(SetAside(sealed, options.files).status());
  }
  return SealFolder(folder, write, options.wait);
}

absl::StatusOr<TrainState> LoadCheckpoint(std::string_view directory_view, const ExpectedCheckpoint& expected,
                                          const cohort::v1::OptimizerSpec& optimizer, const at::Device& device,
                                          const RankPlace& place, model::Precision precision) {
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
  std::string digest;
  COHORT_ASSIGN_OR_RETURN(TrainState state, CreateTrainState(directory, optimizer, device, place, precision, &digest));
  COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> moments, OptimizerFilesOf(manifest));
  COHORT_RETURN_IF_ERROR(ReadOptimizerFiles(directory, moments, *state.parameters, state.optimizer.get()));
  if (common::HexOf(digest) != manifest.weight_digest) {
    return absl::DataLossError(
        absl::StrCat(directory, ": the weights are not those of the manifest (digest ", common::HexOf(digest), ")"));
  }
  state.policy_version = record.policy_version;
  state.num_updates = record.num_updates;
  return state;
}

}  // namespace cohort::learner
