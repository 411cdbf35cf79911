// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_MODEL_FOLDER_H_
#define COHORT_MODEL_WEIGHTS_MODEL_FOLDER_H_

// Torch-free.
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/model_config.h"

namespace cohort::model {

struct ModelFolderSummary {
  ModelConfig config;
  int64_t num_parameters = 0;
};

// Everything about a Hugging Face folder that can be checked without loading it: config, tokenizer, safetensors headers
// against file sizes, every expected tensor present with its shape and dtype, none surplus. For preflight.
absl::StatusOr<ModelFolderSummary> InspectModelFolder(std::string_view directory);

// Makes `output_directory` (which must not exist) a model folder: config.json, generation_config.json and tokenizer
// files of `template_directory`, and fp32 weights drawn from N(0, initializer_range of config.json, default 0.02) with
// norms 1; a pure function of config and seed.
absl::Status WriteRandomModel(std::string_view template_directory, std::string_view output_directory, uint64_t seed);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_MODEL_FOLDER_H_
