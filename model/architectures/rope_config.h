// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_ROPE_CONFIG_H_
#define COHORT_MODEL_ARCHITECTURES_ROPE_CONFIG_H_

#include "absl/status/status.h"
#include "model/model_config.h"
#include "model/strict_json.h"

namespace cohort::model {

// Reads rope_theta and rope_scaling of `config`, torch-free, from either key style: rope_theta and rope_scaling
// (transformers 4) or rope_parameters (transformers 5). Where both are given they must agree (INVALID_ARGUMENT). Types
// `default` and `llama3` are known; UNIMPLEMENTED names another one, or a parameter that they do not have.
absl::Status ReadRope(const JsonFields& fields, ModelConfig* config);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_ROPE_CONFIG_H_
