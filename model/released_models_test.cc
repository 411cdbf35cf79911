// SPDX-License-Identifier: Apache-2.0
// config.json with the keys and values of released models, and the parameters that transformers and the published
// checkpoints have of each.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "common/files.h"
#include "model/architectures/architecture_table.h"
#include "model/model_config.h"

namespace cohort::model {
namespace {

struct Released {
  const char* name;
  const char* config;
  size_t num_tensors;
  int64_t num_parameters;
  int64_t head_dim;
  int64_t window;            // of the last layer
  double rope_factor;        // 0: not scaled
  const char* patch = "{}";  // in what this model differs from `config`
};

constexpr char kQwen25[] = R"({
  "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645,
  "hidden_act": "silu", "hidden_size": 896, "initializer_range": 0.02, "intermediate_size": 4864,
  "max_position_embeddings": 32768, "max_window_layers": 21, "model_type": "qwen2", "num_attention_heads": 14,
  "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
  "sliding_window": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.43.1",
  "use_cache": true, "use_sliding_window": false, "vocab_size": 151936})";

constexpr char kQwen3[] = R"({
  "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643,
  "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 1024, "initializer_range": 0.02,
  "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28, "model_type": "qwen3",
  "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
  "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null, "tie_word_embeddings": true,
  "torch_dtype": "bfloat16", "transformers_version": "4.51.0", "use_cache": true, "use_sliding_window": false,
  "vocab_size": 151936})";

constexpr char kLlama32[] = R"({
  "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 128000,
  "eos_token_id": [128001, 128008, 128009], "head_dim": 64, "hidden_act": "silu", "hidden_size": 2048,
  "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false,
  "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8,
  "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0,
  "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
  "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 128256})";

constexpr char kMistral[] = R"({
  "architectures": ["MistralForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
  "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 32768,
  "model_type": "mistral", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
  "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096, "tie_word_embeddings": false,
  "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 32000})";

constexpr char kQwen25Of7B[] = R"({
  "hidden_size": 3584, "intermediate_size": 18944, "max_position_embeddings": 131072, "max_window_layers": 28,
  "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4, "sliding_window": 131072,
  "tie_word_embeddings": false, "use_mrope": false, "vocab_size": 152064})";

// As transformers 5 writes it.
constexpr char kQwen3Of5[] = R"({
  "dtype": "bfloat16", "rope_parameters": {"rope_theta": 1000000, "rope_type": "default"}, "rope_scaling": null,
  "rope_theta": null, "torch_dtype": null, "output_attentions": false, "chunk_size_feed_forward": 0,
  "is_encoder_decoder": false, "id2label": {"0": "LABEL_0"}, "transformers_version": "5.24.0"})";

constexpr char kLlama31[] = R"({
  "head_dim": null, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "rope_scaling":
  {"factor": 8.0, "type": "llama3"}, "tie_word_embeddings": false})";

// Without the keys that came later; the first release had no num_key_value_heads.
constexpr char kLlama2[] = R"({
  "attention_bias": null, "attention_dropout": null, "eos_token_id": 2, "head_dim": null, "hidden_size": 4096,
  "intermediate_size": 11008, "max_position_embeddings": 4096, "mlp_bias": null, "num_hidden_layers": 32,
  "num_key_value_heads": null, "pad_token_id": 0, "rope_scaling": null, "rope_theta": null,
  "tie_word_embeddings": false, "vocab_size": 32000})";

// A LlamaForCausalLM too.
constexpr char kSmolLm2[] = R"({
  "eos_token_id": 0, "head_dim": null, "hidden_size": 576, "intermediate_size": 1536, "is_llama_config": true,
  "max_position_embeddings": 8192, "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3,
  "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000, "vocab_size": 49152})";

constexpr char kMistral3[] = R"({
  "attention_dropout": 0.0, "head_dim": null, "rope_theta": 1000000.0, "sliding_window": "null",
  "vocab_size": 32768})";

constexpr char kMistralNemo[] = R"({
  "head_dim": 128, "hidden_size": 5120, "max_position_embeddings": 1024000, "num_hidden_layers": 40,
  "rope_theta": 1000000.0, "sliding_window": "null", "vocab_size": 131072})";

// Applies the patch. In a merge patch null erases the key, so "null" stands for the value null.
std::string Patched(const Released& released) {
  nlohmann::json config = nlohmann::json::parse(released.config);
  config.merge_patch(nlohmann::json::parse(released.patch));
  for (nlohmann::json& value : config) {
    if (value == "null") value = nullptr;
  }
  return config.dump();
}

class ReleasedModelsTest : public testing::TestWithParam<Released> {};

TEST_P(ReleasedModelsTest, HasTheParametersOfTransformers) {
  const Released& released = GetParam();
  const std::string folder = testing::TempDir() + "/" + released.name;
  std::filesystem::create_directories(folder);
  ASSERT_TRUE(common::WriteFileAtomically(folder + "/config.json", Patched(released)).ok());
  const auto config = LoadModelConfig(folder);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->head_dim, released.head_dim);
  EXPECT_EQ(config->AttentionWindow(config->num_layers - 1), released.window);
  EXPECT_EQ(config->rope_scaling.has_value() ? config->rope_scaling->factor : 0.0, released.rope_factor);
  const std::vector<ParameterSpec> parameters = FindArchitecture(config->architecture)->parameters(*config);
  EXPECT_EQ(parameters.size(), released.num_tensors);
  int64_t count = 0;
  for (const ParameterSpec& parameter : parameters) count += parameter.NumElements();
  EXPECT_EQ(count, released.num_parameters);
}

INSTANTIATE_TEST_SUITE_P(
    Models, ReleasedModelsTest,
    testing::Values(Released{"Qwen25Of500M", kQwen25, 290, 494'032'768, 64, 0, 0.0},
                    Released{"Qwen25Of7B", kQwen25, 339, 7'615'616'512, 128, 0, 0.0, kQwen25Of7B},
                    Released{"Qwen3Of600M", kQwen3, 310, 596'049'920, 128, 0, 0.0},
                    Released{"Qwen3Of600MSavedByTransformers5", kQwen3, 310, 596'049'920, 128, 0, 0.0, kQwen3Of5},
                    Released{"Llama2Of7B", kLlama32, 291, 6'738'415'616, 128, 0, 0.0, kLlama2},
                    Released{"Llama31Of8B", kLlama32, 291, 8'030'261'248, 128, 0, 8.0, kLlama31},
                    Released{"Llama32Of1B", kLlama32, 146, 1'235'814'400, 64, 0, 32.0},
                    Released{"SmolLm2Of135M", kLlama32, 272, 134'515'008, 64, 0, 0.0, kSmolLm2},
                    Released{"Mistral1Of7B", kMistral, 291, 7'241'732'096, 128, 4096, 0.0},
                    Released{"Mistral3Of7B", kMistral, 291, 7'248'023'552, 128, 0, 0.0, kMistral3},
                    Released{"MistralNemo", kMistral, 363, 12'247'782'400, 128, 0, 0.0, kMistralNemo}),
    [](const testing::TestParamInfo<Released>& released) { return released.param.name; });

}  // namespace
}  // namespace cohort::model
