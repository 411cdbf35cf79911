// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_TINY_MODEL_H_
#define COHORT_LEARNER_TESTING_TINY_MODEL_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "model/weights/model_folder.h"

namespace cohort::learner {

inline constexpr int64_t kTinyVocabSize = 53;  // of model/testdata/tokenizers/characters
inline constexpr int32_t kTinyEos = 1;

// Makes `directory`/model a model folder of two layers with the characters tokenizer and random weights; returns its
// path. It has 2.5 thousand parameters and 96 for each of `intermediate_size`.
inline std::string MakeTinyModel(const std::string& directory, bool tie_word_embeddings = true,
                                 int64_t intermediate_size = 24) {
  const std::string templates = directory + "/template";
  std::filesystem::create_directories(templates);
  std::ofstream(templates + "/config.json")
      << R"({
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 53, "hidden_size": 16, "head_dim": 8,
    "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu",
    "initializer_range": 0.2, "eos_token_id": 1, "intermediate_size": )"
      << intermediate_size << R"(, "tie_word_embeddings": )" << (tie_word_embeddings ? "true" : "false") << "}";
  std::filesystem::copy_file("model/testdata/tokenizers/characters/tokenizer.json", templates + "/tokenizer.json");
  const absl::Status status = model::WriteRandomModel(templates, directory + "/model", /*seed=*/1);
  EXPECT_TRUE(status.ok()) << status;
  return directory + "/model";
}

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_TINY_MODEL_H_
