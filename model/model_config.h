// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_MODEL_CONFIG_H_
#define COHORT_MODEL_MODEL_CONFIG_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::model {

// What config.json says about a decoder-only transformer, after validation: every number is in range and every feature
// is one that the architecture implements.
struct ModelConfig {
  std::string architecture;  // "Qwen3ForCausalLM"
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  bool tie_word_embeddings = false;
  // From generation_config.json when present, else config.json; never empty.
  std::vector<int32_t> eos_token_ids;
};

// Reads `directory`/config.json (both key styles: rope_theta/torch_dtype and rope_parameters/dtype) and
// generation_config.json. UNIMPLEMENTED names an unsupported architecture and lists the supported ones, or names an
// unsupported feature; INVALID_ARGUMENT names file, key and value.
absl::StatusOr<ModelConfig> LoadModelConfig(std::string_view directory);

}  // namespace cohort::model

#endif  // COHORT_MODEL_MODEL_CONFIG_H_
