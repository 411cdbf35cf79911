// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_LLAMA_H_
#define COHORT_MODEL_ARCHITECTURES_LLAMA_H_

#include "absl/status/status.h"
#include "model/model_config.h"
#include "model/strict_json.h"

namespace cohort::model {

// Llama 2 and 3.x: no biases (attention_bias and mlp_bias are refused), no norm on queries and keys, no window.
// head_dim is hidden_size / num_attention_heads unless given, and there are as many key as query heads unless
// num_key_value_heads says otherwise. Llama 3.1 and later scale their rotary frequencies (rope_type llama3).
inline constexpr char kLlamaArchitecture[] = "LlamaForCausalLM";

// Reads what config.json says about the shape and the computation into `config`, torch-free. INVALID_ARGUMENT names
// file, key and value; UNIMPLEMENTED likewise, for a feature of config.json that the decoder does not compute.
absl::Status ReadLlamaConfig(const JsonFields& fields, ModelConfig* config);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_LLAMA_H_
