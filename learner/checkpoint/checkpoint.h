// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_CHECKPOINT_H_
#define COHORT_LEARNER_CHECKPOINT_CHECKPOINT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/optimizer_spec.pb.h"
#include "common/file_system.h"
#include "learner/checkpoint/gang_folder.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/checkpoint/train_state_file.h"
#include "learner/flat_layout.h"
#include "learner/train_state.h"
#include "model/precision.h"

namespace cohort::learner {

// Version 0: the weights of a model folder, zero moments, laid out for the rank at `place`. Weights are fp32 whatever
// the precision of the decoder. `weight_digest`, unless null, gets the digest of the weights, 32 bytes.
absl::StatusOr<TrainState> CreateTrainState(std::string_view model_path, const cohort::v1::OptimizerSpec& optimizer,
                                            const at::Device& device, const RankPlace& place = {},
                                            model::Precision precision = model::Precision::kFp32,
                                            std::string* weight_digest = nullptr);

// What sealing needs beside the state.
struct SealOptions {
  std::string parent;         // the job's checkpoint directory
  std::string model_path;     // whose config and tokenizer files are copied
  std::string weight_digest;  // 32 bytes
  int64_t incarnation = 0;
  std::string spec_digest;
  common::FileSystem* files = common::RealFileSystem();  // what is written to
  PartWait wait = {};                                    // of rank 0, for the others
};

// Where a rank writes the checkpoint of a version.
GangFolder FolderOf(int64_t policy_version, const RankPlace& place, const SealOptions& options);

// Every rank calls it with its own state. Rank 0 seals `parent`/step-%06d: a model folder in Hugging Face layout with
// the files of moments (checkpoint_plan.h), train_state.json and manifest.json beside it; the others return when their
// part of it is written. Errors, and what they leave, are those of SealFolder and WritePart. Returns the folder.
absl::StatusOr<std::string> SealCheckpoint(const SavedState& state, const SealOptions& options);

// What a checkpoint must be, beside valid.
struct ExpectedCheckpoint {
  int64_t policy_version = 0;
  std::string spec_digest;
};

// The state of a sealed checkpoint, for the rank at `place` of any world, after verifying the checksum of every file,
// that none is missing, the version and the digest of the weights. DATA_LOSS or NOT_FOUND names what is damaged;
// FAILED_PRECONDITION: it belongs to another job's spec.
absl::StatusOr<TrainState> LoadCheckpoint(std::string_view directory, const ExpectedCheckpoint& expected,
                                          const cohort::v1::OptimizerSpec& optimizer, const at::Device& device,
                                          const RankPlace& place = {},
                                          model::Precision precision = model::Precision::kFp32);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_CHECKPOINT_H_
