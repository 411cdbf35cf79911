// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/qwen2.h"

#include "common/status_macros.h"
#include "model/architectures/rope_config.h"
#include "model/architectures/transformer_config.h"

namespace cohort::model {

absl::Status ReadQwen2Config(const JsonFields& fields, ModelConfig* config) {
  COHORT_RETURN_IF_ERROR(CheckTransformerFeatures(fields, "qwen2"));
  // Not a key of Qwen2: its biases are there whatever this says.
  COHORT_ASSIGN_OR_RETURN(const bool attention_bias, fields.BoolOr("attention_bias", true));
  if (!attention_bias) return fields.Unsupported("attention_bias", "Qwen2 always has query, key and value biases");
  COHORT_RETURN_IF_ERROR(ReadTransformerShape(fields, {.head_dim_from_hidden_size = true}, config));
  COHORT_RETURN_IF_ERROR(ReadRope(fields, config));
  COHORT_RETURN_IF_ERROR(ReadSwitchedWindow(fields, config));
  config->has_qkv_bias = true;
  return absl::OkStatus();
}

}  // namespace cohort::model
