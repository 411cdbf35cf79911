// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_QWEN3_H_
#define COHORT_MODEL_ARCHITECTURES_QWEN3_H_

#include "absl/status/status.h"
#include "model/model_config.h"
#include "model/strict_json.h"

namespace cohort::model {

// Qwen3: RMSNorm on every query and key head before the rotation (self_attn.{q,k}_norm.weight), no biases. head_dim
// stands in config.json and is independent of hidden_size. Windows as in Qwen2.
inline constexpr char kQwen3Architecture[] = "Qwen3ForCausalLM";

// Reads what config.json says about the shape and the computation into `config`, torch-free. INVALID_ARGUMENT names
// file, key and value; UNIMPLEMENTED likewise, for a feature of config.json that the decoder does not compute.
absl::Status ReadQwen3Config(const JsonFields& fields, ModelConfig* config);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_QWEN3_H_
