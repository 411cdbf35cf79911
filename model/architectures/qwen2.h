// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_QWEN2_H_
#define COHORT_MODEL_ARCHITECTURES_QWEN2_H_

#include "absl/status/status.h"
#include "model/model_config.h"
#include "model/strict_json.h"

namespace cohort::model {

// Qwen2 and Qwen2.5: biases on the query, key and value projections (self_attn.{q,k,v}_proj.bias), none elsewhere; no
// norm on queries and keys. head_dim is hidden_size / num_attention_heads unless given. `use_sliding_window` gives the
// layers that `layer_types` names, or those from `max_window_layers` on, a window; released models leave it off.
inline constexpr char kQwen2Architecture[] = "Qwen2ForCausalLM";

// Reads what config.json says about the shape and the computation into `config`, torch-free. INVALID_ARGUMENT names
// file, key and value; UNIMPLEMENTED likewise, for a feature of config.json that the decoder does not compute.
absl::Status ReadQwen2Config(const JsonFields& fields, ModelConfig* config);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_QWEN2_H_
