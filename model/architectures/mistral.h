// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_MISTRAL_H_
#define COHORT_MODEL_ARCHITECTURES_MISTRAL_H_

#include "absl/status/status.h"
#include "model/model_config.h"
#include "model/strict_json.h"

namespace cohort::model {

// Mistral: no biases, no norm on queries and keys. Every layer has the window of `sliding_window`; null is none, and an
// absent key is 4096, as in transformers. head_dim is hidden_size / num_attention_heads unless given.
inline constexpr char kMistralArchitecture[] = "MistralForCausalLM";

// Reads what config.json says about the shape and the computation into `config`, torch-free. INVALID_ARGUMENT names
// file, key and value; UNIMPLEMENTED likewise, for a feature of config.json that the decoder does not compute.
absl::Status ReadMistralConfig(const JsonFields& fields, ModelConfig* config);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_MISTRAL_H_
