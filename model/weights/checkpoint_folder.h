// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_CHECKPOINT_FOLDER_H_
#define COHORT_MODEL_WEIGHTS_CHECKPOINT_FOLDER_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file_system.h"
#include "model/model_config.h"
#include "model/parameter_map.h"
#include "model/weights/weight_files_writer.h"

namespace cohort::model {

// Parameters of a Hugging Face folder (model.safetensors, or shards with model.safetensors.index.json) as fp32 tensors
// on `device`. Each is copied once, from its file into its final place; a device other than the CPU takes host memory
// for one tensor besides. INVALID_ARGUMENT or DATA_LOSS name file and tensor: missing, surplus, wrong shape, truncated.
absl::StatusOr<ParameterMap> LoadParameters(std::string_view directory, const ModelConfig& config,
                                            const at::Device& device);

// The same into tensors that are there: contiguous fp32, in the architecture's order. After an error of the files they
// may be partly written.
absl::Status LoadParametersInto(std::string_view directory, const ModelConfig& config, const ParameterMap& parameters);

// The same one after the other, in the architecture's order, for who keeps parts of them: `visit` gets a parameter's
// place in that order and its values in host memory, which are overwritten after it returns. Its errors are returned.
absl::Status VisitParameters(std::string_view directory, const ModelConfig& config,
                             const std::function<absl::Status(size_t index, const at::Tensor& values)>& visit);

// Writes the weights as F32 into an existing folder, in one file or in shards (weight_files_writer.h), and copies
// config.json, generation_config.json, the tokenizer files and the chat template of `source_directory` unchanged. Files
// are fsynced; the caller seals the folder. `files` is what is written to.
absl::Status WriteModelFolder(std::string_view directory, std::string_view source_directory,
                              const ParameterMap& parameters, int64_t max_shard_bytes = kMaxShardBytes,
                              common::FileSystem* files = common::RealFileSystem());

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_CHECKPOINT_FOLDER_H_
