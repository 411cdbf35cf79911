// SPDX-License-Identifier: Apache-2.0
#include "model/presets/model_preset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <ostream>
#include <string>
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

TEST(ModelPresetsTest, UnknownNameListsTheKnownOnes) {
  EXPECT_THAT(FindModelPreset("qwen3-0.7b"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("(qwen3-0.7b)"), HasSubstr("qwen3-0.6b, "), HasSubstr("llama-3.1-8b"))));
}

}  // namespace
}  // namespace cohort::model
