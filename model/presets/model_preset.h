// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_PRESETS_MODEL_PRESET_H_
#define COHORT_MODEL_PRESETS_MODEL_PRESET_H_

// Torch-free. Sizes of public models, so that a model folder of real size can be made where the real one is not at
// hand. Dimensions only: Cohort has none of their weights. Pure.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::model {

struct SpecialToken {
  int64_t id = -1;  // -1: none
  std::string_view text;
};

// What config.json of one public model says, and generation_config.json of special tokens. Qwen 2.5 and Llama are the
// base models.
struct ModelPreset {
  std::string_view name;  // "qwen3-0.6b"
  std::string_view architecture;
  std::string_view model_type;
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;  // 0: not in config.json, hidden_size / num_heads
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 0;
  double rope_theta = 0;
  double llama3_rope_factor = 0;  // 0: no rope_scaling
  bool tie_word_embeddings = false;
  SpecialToken bos;
  // The first is the one of config.json, all are those of generation_config.json.
  std::array<SpecialToken, 2> eos;
};

// All of them, smallest of a family first.
const std::vector<ModelPreset>& ModelPresets();

// INVALID_ARGUMENT lists the names that there are.
absl::StatusOr<ModelPreset> FindModelPreset(std::string_view name);

// config.json and, without its settings for sampling, generation_config.json, in the key style of the public files
// (transformers 4).
std::string PresetConfigText(const ModelPreset& preset);
std::string PresetGenerationConfigText(const ModelPreset& preset);

// A tokenizer.json without merges: one token for each byte, its value the id, and the preset's special tokens under
// their true ids. The ids between have no token; the embedding has rows for them as any padded one has.
std::string PresetTokenizerText(const ModelPreset& preset);

}  // namespace cohort::model

#endif  // COHORT_MODEL_PRESETS_MODEL_PRESET_H_
