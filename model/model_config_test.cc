// SPDX-License-Identifier: Apache-2.0
#include "model/model_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"

namespace cohort::model {
namespace {

using nlohmann::json;

// As transformers 4 wrote it.
constexpr char kConfig4[] = R"({
  "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643,
  "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 1024, "initializer_range": 0.02,
  "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28, "model_type": "qwen3",
  "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
  "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null, "tie_word_embeddings": true,
  "torch_dtype": "bfloat16", "transformers_version": "4.51.0", "use_cache": true, "use_sliding_window": false,
  "vocab_size": 151936})";

class ModelConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/config";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    config_ = json::parse(kConfig4);
  }

  absl::StatusOr<ModelConfig> Load() {
    EXPECT_TRUE(common::WriteFileAtomically(folder_ + "/config.json", config_.dump()).ok());
    return LoadModelConfig(folder_);
  }

  std::string folder_;
  json config_;
};

TEST_F(ModelConfigTest, ReadsTheKeysOfTransformers4) {
  const auto config = Load();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->architecture, "Qwen3ForCausalLM");
  EXPECT_EQ(config->vocab_size, 151936);
  EXPECT_EQ(config->num_layers, 28);
  EXPECT_EQ(config->num_kv_heads, 8);
  EXPECT_EQ(config->head_dim, 128);
  EXPECT_EQ(config->rope_theta, 1e6);
  EXPECT_EQ(config->rms_norm_eps, 1e-6);
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_EQ(config->eos_token_ids, std::vector<int32_t>{151645});
}

TEST_F(ModelConfigTest, ReadsTheKeysOfTransformers5) {
  const auto config = LoadModelConfig("model/testdata/qwen3_tiny_untied");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->rope_theta, 1e6);
  EXPECT_EQ(config->rms_norm_eps, 1e-5);
  EXPECT_FALSE(config->tie_word_embeddings);
}

TEST_F(ModelConfigTest, GenerationConfigDecidesTheEndTokens) {
  ASSERT_TRUE(common::WriteFileAtomically(folder_ + "/generation_config.json", R"({"eos_token_id":[7,9]})").ok());
  EXPECT_EQ(Load()->eos_token_ids, (std::vector<int32_t>{7, 9}));
}

TEST_F(ModelConfigTest, EndTokenMissingEverywhereIsRefused) {
  config_.erase("eos_token_id");
  const absl::Status status = Load().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "eos_token_id")) << status;
}

struct Refusal {
  const char* what;
  const char* patch;
  absl::StatusCode code;
  const char* named;
};

class ModelConfigRefusalTest : public ModelConfigTest, public testing::WithParamInterface<Refusal> {};

TEST_P(ModelConfigRefusalTest, NamesFileKeyAndValue) {
  config_.merge_patch(json::parse(GetParam().patch));
  const absl::Status status = Load().status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "config.json")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), GetParam().named)) << status;
}

constexpr auto kUnsupported = absl::StatusCode::kUnimplemented;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
INSTANTIATE_TEST_SUITE_P(
    Keys, ModelConfigRefusalTest,
    testing::Values(
        Refusal{"Architecture", R"({"architectures":["GemmaForCausalLM"]})", kUnsupported,
                "supported: Qwen3ForCausalLM"},
        Refusal{"NoArchitecture", R"({"architectures":null})", kInvalid, "architectures"},
        Refusal{"RopeScaling", R"({"rope_scaling":{"rope_type":"yarn","factor":4.0}})", kUnsupported, "yarn"},
        Refusal{"RopeParameters", R"({"rope_parameters":{"rope_type":"linear","factor":2.0}})", kUnsupported, "linear"},
        Refusal{"TwoThetas", R"({"rope_parameters":{"rope_type":"default","rope_theta":5.0}})", kInvalid, "disagrees"},
        Refusal{"Bias", R"({"attention_bias":true})", kUnsupported, "attention_bias"},
        Refusal{"Window", R"({"use_sliding_window":true})", kUnsupported, "use_sliding_window"},
        Refusal{"LayerTypes", R"({"layer_types":["full_attention","sliding_attention"]})", kUnsupported, "layer_types"},
        Refusal{"Activation", R"({"hidden_act":"gelu"})", kUnsupported, "gelu"},
        Refusal{"Quantised", R"({"quantization_config":{"bits":4}})", kUnsupported, "quantization_config"},
        Refusal{"OwnCode", R"({"auto_map":{"AutoModelForCausalLM":"modeling.Model"}})", kUnsupported, "auto_map"},
        Refusal{"Dropout", R"({"attention_dropout":0.1})", kUnsupported, "attention_dropout"},
        Refusal{"OtherType", R"({"model_type":"qwen3_moe"})", kUnsupported, "qwen3_moe"},
        Refusal{"PartialRotary", R"({"rope_parameters":{"rope_type":"default","partial_rotary_factor":0.5}})",
                kUnsupported, "partial_rotary_factor"},
        Refusal{"Missing", R"({"head_dim":null})", kInvalid, "head_dim: is missing"},
        Refusal{"Negative", R"({"hidden_size":-5})", kInvalid, "(-5)"},
        Refusal{"Text", R"({"num_hidden_layers":"28"})", kInvalid, "num_hidden_layers"},
        Refusal{"Fraction", R"({"vocab_size":10.5})", kInvalid, "10.5"},
        Refusal{"Huge", R"({"vocab_size":18446744073709551615})", kInvalid, "18446744073709551615"},
        Refusal{"HugePositions", R"({"max_position_embeddings":268435456})", kInvalid, "max_position_embeddings"},
        Refusal{"HugeHeads", R"({"num_attention_heads":4194304,"num_key_value_heads":1})", kInvalid,
                "num_attention_heads"},
        Refusal{"Groups", R"({"num_key_value_heads":5})", kInvalid, "num_key_value_heads"},
        Refusal{"OddHead", R"({"head_dim":7})", kInvalid, "even"},
        Refusal{"Eps", R"({"rms_norm_eps":0})", kInvalid, "rms_norm_eps"},
        Refusal{"HugeEps", R"({"rms_norm_eps":1e300})", kInvalid, "rms_norm_eps"},
        Refusal{"NestedEos", R"({"eos_token_id":[[[1]]]})", kInvalid, "eos_token_id"},
        Refusal{"Eos", R"({"eos_token_id":151936})", kInvalid, "eos_token_id"}),
    [](const testing::TestParamInfo<Refusal>& refusal) { return refusal.param.what; });

TEST_F(ModelConfigTest, DeeplyNestedFilesAreRefusedAndEndNothing) {
  std::string brackets(1'000'000, '[');
  brackets += std::string(1'000'000, ']');
  const std::string hostile = absl::StrCat(R"({"eos_token_id":)", brackets, "}");
  for (const char* file : {"generation_config.json", "config.json"}) {
    ASSERT_TRUE(Load().ok() || std::string(file) == "config.json");
    ASSERT_TRUE(common::WriteFileAtomically(absl::StrCat(folder_, "/", file), hostile).ok());
    const absl::Status status = LoadModelConfig(folder_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat(file, ": is nested deeper"))) << status;
  }
}

}  // namespace
}  // namespace cohort::model
