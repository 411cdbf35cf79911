// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_TRANSFORMER_CONFIG_H_
#define COHORT_MODEL_ARCHITECTURES_TRANSFORMER_CONFIG_H_

// The parts of config.json that the transformers of this folder have in common; each architecture calls those that it
// has. Torch-free, without state. INVALID_ARGUMENT names file, key and value; UNIMPLEMENTED likewise, for a feature
// that the decoder does not compute.
#include <string_view>

#include "absl/status/status.h"
#include "model/model_config.h"
#include "model/strict_json.h"

namespace cohort::model {

// Refuses what none of them computes: another model_type or activation, attention to later tokens, dropout, quantized
// weights, code of the model folder, and keys by which other models change the computation.
absl::Status CheckTransformerFeatures(const JsonFields& fields, std::string_view model_type);

// `attention_bias`, which would put biases on all four projections of the attention.
absl::Status RefuseAttentionBias(const JsonFields& fields);

// Which keys may be absent; what stands in for them is what transformers takes.
struct ShapeDefaults {
  bool head_dim_from_hidden_size = false;    // hidden_size / num_attention_heads
  bool num_kv_heads_from_num_heads = false;  // num_attention_heads
};

// Sizes, head counts and rms_norm_eps.
absl::Status ReadTransformerShape(const JsonFields& fields, const ShapeDefaults& defaults, ModelConfig* config);

// `use_sliding_window` with `sliding_window`, and which layers slide: `layer_types`, else those from max_window_layers
// on. After ReadTransformerShape.
absl::Status ReadSwitchedWindow(const JsonFields& fields, ModelConfig* config);

// `sliding_window` of every layer; null is none, absent is 4096. After ReadTransformerShape.
absl::Status ReadUniformWindow(const JsonFields& fields, ModelConfig* config);

// Refuses every key that asks for a window. After ReadTransformerShape.
absl::Status RefuseWindow(const JsonFields& fields, const ModelConfig& config);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_TRANSFORMER_CONFIG_H_
