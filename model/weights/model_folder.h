// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_MODEL_FOLDER_H_
#define COHORT_MODEL_WEIGHTS_MODEL_FOLDER_H_

// Torch-free.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/architectures/parameter_spec.h"
#include "model/model_config.h"
#include "model/weights/random_weights.h"

namespace cohort::model {

struct WeightFileSize {
  std::string name;
  int64_t size_bytes = 0;  // header included
};

struct ModelFolderSummary {
  ModelConfig config;
  std::vector<ParameterSpec> parameters;  // in the architecture's order
  int64_t num_parameters = 0;
  std::map<std::string, int64_t> weight_bytes_by_dtype;  // what is stored, ignored tensors included
  std::vector<WeightFileSize> files;
};

// Everything about a Hugging Face folder that can be checked without loading it: config, tokenizer, ids of special
// tokens, safetensors headers against file sizes, every expected tensor present with its shape and dtype, none surplus.
// Errors name the file and what in it is wrong. For preflight.
absl::StatusOr<ModelFolderSummary> InspectModelFolder(std::string_view directory);

// Makes `output_directory` (which must not exist) a model folder: config.json, generation_config.json and tokenizer
// files of `template_directory`, and random weights (random_weights.h) with a spread of initializer_range of
// config.json, default 0.02; a pure function of config, seed and format. RESOURCE_EXHAUSTED when the disk has no room
// for them. Folders above it are made. After an error there is no folder.
absl::Status WriteRandomModel(std::string_view template_directory, std::string_view output_directory, uint64_t seed,
                              const WeightFormat& format = {});

// A file of a folder.
struct FolderText {
  std::string name;
  std::string content;
};

// The same with the files given, config.json and tokenizer.json among them, instead of a template folder.
absl::Status WriteRandomModelFromTexts(const std::vector<FolderText>& files, std::string_view output_directory,
                                       uint64_t seed, const WeightFormat& format = {});

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_MODEL_FOLDER_H_
