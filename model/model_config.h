// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_MODEL_CONFIG_H_
#define COHORT_MODEL_MODEL_CONFIG_H_

// Torch-free.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::model {

// Rotary frequencies stretched for long contexts as Llama 3.1 does (rope_type llama3): wavelengths up to
// original_max_position_embeddings / high_freq_factor are kept, those above original_max_position_embeddings /
// low_freq_factor are multiplied by `factor`, and between the two one passes into the other.
struct Llama3RopeScaling {
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_max_position_embeddings = 0;

  bool operator==(const Llama3RopeScaling&) const = default;
};

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
  std::optional<Llama3RopeScaling> rope_scaling;
  bool has_qkv_bias = false;  // of the query, key and value projections
  bool has_qk_norm = false;   // RMSNorm of each query and key head before the rotation
  // Per layer, keys that a row sees, its own included (0: every earlier one). Empty: no layer has a window.
  std::vector<int64_t> attention_windows;
  bool tie_word_embeddings = false;
  // From generation_config.json when present, else config.json; never empty.
  std::vector<int32_t> eos_token_ids;

  int64_t AttentionWindow(int64_t layer) const { return attention_windows.empty() ? 0 : attention_windows[layer]; }

  bool operator==(const ModelConfig&) const = default;
};

// Reads `directory`/config.json (both key styles: rope_theta and rope_scaling of transformers 4, rope_parameters of
// transformers 5) and generation_config.json. UNIMPLEMENTED names an unsupported architecture and lists the supported
// ones, or names an unsupported feature; INVALID_ARGUMENT names file, key and value.
absl::StatusOr<ModelConfig> LoadModelConfig(std::string_view directory);

}  // namespace cohort::model

#endif  // COHORT_MODEL_MODEL_CONFIG_H_
