// SPDX-License-Identifier: Apache-2.0
#include "model/presets/model_preset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/architectures/architecture_table.h"
#include "model/memory_estimate.h"
#include "model/model_config.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::model {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

// What is published about a model, by other sources than its config.json.
struct Published {
  const char* name;
  int64_t num_parameters;  // of the released weights
  int64_t per_layer;
  int64_t head_dim;
  int64_t kv_bytes_per_token;  // fp32
  int32_t eos;
};

// Without it a failure would print the bytes of the strings' addresses.
void PrintTo(const Published& published, std::ostream* out) { *out << published.name; }

class ModelPresetTest : public testing::TestWithParam<Published> {
 protected:
  void SetUp() override {
    preset_ = *FindModelPreset(GetParam().name);
    ASSERT_OK(common::WriteFileAtomically(dir_.Join("config.json"), PresetConfigText(preset_)));
    ASSERT_OK(common::WriteFileAtomically(dir_.Join("generation_config.json"), PresetGenerationConfigText(preset_)));
    ASSERT_OK(common::WriteFileAtomically(dir_.Join("tokenizer.json"), PresetTokenizerText(preset_)));
  }

  common::TempDir dir_;
  ModelPreset preset_;
};

TEST_P(ModelPresetTest, ConfigMakesAModelOfThePublishedSize) {
  ASSERT_OK_AND_ASSIGN(const ModelConfig config, LoadModelConfig(dir_.path()));
  EXPECT_EQ(config.head_dim, GetParam().head_dim);
  EXPECT_EQ(config.eos_token_ids.front(), GetParam().eos);
  const auto parameters = FindArchitecture(config.architecture)->parameters(config);
  const ParameterCounts counts = CountParameters(parameters, config.num_layers);
  EXPECT_EQ(counts.total, GetParam().num_parameters);
  EXPECT_EQ(counts.per_layer, GetParam().per_layer);
  EXPECT_EQ(KvBytesPerToken(config), GetParam().kv_bytes_per_token);
}

TEST_P(ModelPresetTest, TokenizerKnowsEveryByteAndTheSpecialTokens) {
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, Tokenizer::Load(dir_.path()));
  EXPECT_LE(tokenizer->VocabSize(), preset_.vocab_size);
  const std::string text = "Grüße, \n\t 12 + 30 = 42 \x01 \xF0\x9F\x99\x82";
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids, tokenizer->Encode(text));
  EXPECT_EQ(ids.size(), text.size());
  EXPECT_TRUE(std::all_of(ids.begin(), ids.end(), [](int32_t id) { return id < 256; }));
  EXPECT_EQ(*tokenizer->Decode(ids), text);
  ASSERT_OK_AND_ASSIGN(const auto eos, tokenizer->Encode(preset_.eos[0].text));
  EXPECT_EQ(eos, (std::vector<int32_t>{GetParam().eos}));
  EXPECT_EQ(*tokenizer->Decode({65, GetParam().eos}), "A");
}

// Sizes: the model cards' safetensors counts. A layer of Qwen3-0.6B: 2 x 1024 + 2 x 128 norms, (2048 + 2 x 1024) x 1024
// in, 1024 x 2048 out, 3 x 3072 x 1024 feed-forward.
INSTANTIATE_TEST_SUITE_P(Public, ModelPresetTest,
                         testing::Values(Published{"qwen3-0.6b", 596'049'920, 15'730'944, 128, 229'376, 151645},
                                         Published{"qwen3-1.7b", 1'720'574'976, 50'336'000, 128, 229'376, 151645},
                                         Published{"qwen3-4b", 4'022'468'096, 100'930'816, 128, 294'912, 151645},
                                         Published{"qwen3-8b", 8'190'735'360, 192'946'432, 128, 294'912, 151645},
                                         Published{"qwen2.5-0.5b", 494'032'768, 14'912'384, 64, 24'576, 151643},
                                         Published{"qwen2.5-1.5b", 1'543'714'304, 46'797'824, 128, 57'344, 151643},
                                         Published{"qwen2.5-7b", 7'615'616'512, 233'057'792, 128, 114'688, 151643},
                                         Published{"llama-3.2-1b", 1'235'814'400, 60'821'504, 64, 65'536, 128001},
                                         Published{"llama-3.2-3b", 3'212'749'824, 100'669'440, 128, 229'376, 128001},
                                         Published{"llama-3.1-8b", 8'030'261'248, 218'112'000, 128, 262'144, 128001}),
                         [](const testing::TestParamInfo<Published>& published) {
                           std::string name = published.param.name;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

TEST(ModelPresetsTest, EveryPresetHasItsPublishedSizeAbove) {
  EXPECT_EQ(ModelPresets().size(), 10u);
  for (const ModelPreset& preset : ModelPresets()) EXPECT_OK(FindModelPreset(preset.name));
}

// One public config.json of each family, without the version of transformers.
constexpr const char* kQwen3 = R"({"architectures": ["Qwen3ForCausalLM"], "attention_bias": false,
  "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu",
  "hidden_size": 1024, "initializer_range": 0.02, "intermediate_size": 3072, "max_position_embeddings": 40960,
  "max_window_layers": 28, "model_type": "qwen3", "num_attention_heads": 16, "num_hidden_layers": 28,
  "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null,
  "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true, "use_sliding_window": false,
  "vocab_size": 151936})";
constexpr const char* kQwen25 = R"({"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0,
  "bos_token_id": 151643, "eos_token_id": 151643, "hidden_act": "silu", "hidden_size": 896, "initializer_range": 0.02,
  "intermediate_size": 4864, "max_position_embeddings": 32768, "max_window_layers": 24, "model_type": "qwen2",
  "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
  "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
  "use_cache": true, "use_sliding_window": false, "vocab_size": 151936})";
constexpr const char* kLlama = R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false,
  "attention_dropout": 0.0, "bos_token_id": 128000, "eos_token_id": 128001, "head_dim": 64, "hidden_act": "silu",
  "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 131072,
  "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16,
  "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 32.0,
  "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"},
  "rope_theta": 500000.0, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true,
  "vocab_size": 128256})";

TEST(ModelPresetsTest, ConfigSaysWhatThePublicOneSays) {
  for (const auto& [name, text] :
       {std::pair("qwen3-0.6b", kQwen3), std::pair("qwen2.5-0.5b", kQwen25), std::pair("llama-3.2-1b", kLlama)}) {
    nlohmann::json expected = nlohmann::json::parse(text);
    expected.emplace("rope_scaling", nullptr);  // says the same as no key
    EXPECT_EQ(nlohmann::json::parse(PresetConfigText(*FindModelPreset(name))), expected) << name;
  }
}

TEST(ModelPresetsTest, UnknownNameListsTheKnownOnes) {
  EXPECT_THAT(FindModelPreset("qwen3-0.7b"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("(qwen3-0.7b)"), HasSubstr("qwen3-0.6b, "), HasSubstr("llama-3.1-8b"))));
}

}  // namespace
}  // namespace cohort::model
