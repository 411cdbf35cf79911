// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_CHECKPOINT_FOLDER_H_
#define COHORT_MODEL_WEIGHTS_CHECKPOINT_FOLDER_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/model_config.h"
#include "model/parameter_map.h"

namespace cohort::model {

// Parameters of a Hugging Face folder (model.safetensors, or shards with model.safetensors.index.json) as fp32 tensors
// on `device`, each copied once into its final place. INVALID_ARGUMENT or DATA_LOSS name file and tensor: missing,
// surplus, wrong shape, truncated.
absl::StatusOr<ParameterMap> LoadParameters(std::string_view directory, const ModelConfig& config,
                                            const at::Device& device);

// Writes model.safetensors into an existing folder and copies config.json, generation_config.json and the tokenizer
// files of `source_directory` unchanged. Files are fsynced; the caller seals the folder.
absl::Status WriteModelFolder(std::string_view directory, std::string_view source_directory,
                              const ParameterMap& parameters);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_CHECKPOINT_FOLDER_H_
