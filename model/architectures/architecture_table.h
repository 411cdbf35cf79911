// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_ARCHITECTURE_TABLE_H_
#define COHORT_MODEL_ARCHITECTURES_ARCHITECTURE_TABLE_H_

// Torch-free.
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "model/architectures/parameter_spec.h"
#include "model/model_config.h"
#include "model/strict_json.h"

namespace cohort::model {

// What the torch-free code needs to know of one architecture.
struct Architecture {
  std::string_view name;  // as in config.json's "architectures"
  // Everything in config.json but the architecture's name, tied embeddings and end tokens.
  absl::Status (*read_config)(const JsonFields& fields, ModelConfig* config);
  std::vector<ParameterSpec> (*parameters)(const ModelConfig& config);
};

// Null when it is not supported.
const Architecture* FindArchitecture(std::string_view name);

// Names, for messages.
std::string SupportedArchitectures();

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_ARCHITECTURE_TABLE_H_
