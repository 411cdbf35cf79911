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

  static json ReadJson(const char* model) {
    return json::parse(common::ReadFile(absl::StrCat("model/testdata/", model, "/config.json")).value());
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

// What a folder of vectors says, with nothing else of the architecture's facts set.
void ExpectFacts(const char* model, bool has_qkv_bias, bool has_qk_norm, std::vector<int64_t> windows) {
  const auto config = LoadModelConfig(absl::StrCat("model/testdata/", model));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->has_qkv_bias, has_qkv_bias) << model;
  EXPECT_EQ(config->has_qk_norm, has_qk_norm) << model;
  EXPECT_EQ(config->attention_windows, windows) << model;
}

TEST_F(ModelConfigTest, EveryArchitectureSetsItsFacts) {
  ExpectFacts("qwen2_tiny", true, false, {});
  ExpectFacts("qwen2_tiny_untied_window", true, false, {0, 6});  // max_window_layers 1
  ExpectFacts("qwen3_tiny", false, true, {});
  ExpectFacts("qwen3_tiny_window", false, true, {11, 0});  // layer_types
  ExpectFacts("llama_tiny_scaled", false, false, {});
  ExpectFacts("llama_tiny_untied", false, false, {});
  ExpectFacts("mistral_tiny", false, false, {});
  ExpectFacts("mistral_tiny_window", false, false, {7, 7});
}

TEST_F(ModelConfigTest, AbsentHeadKeysAreWhatTransformersTakes) {
  EXPECT_EQ(LoadModelConfig("model/testdata/qwen2_tiny")->head_dim, 4);    // 16 / 4; absent
  EXPECT_EQ(LoadModelConfig("model/testdata/mistral_tiny")->head_dim, 8);  // 16 / 2; null
  EXPECT_EQ(LoadModelConfig("model/testdata/llama_tiny_untied")->num_kv_heads, 4);
}

TEST_F(ModelConfigTest, ScaledFrequenciesAreReadInBothKeyStyles) {
  const Llama3RopeScaling expected{8.0, 1.0, 4.0, 48};
  const auto older = LoadModelConfig("model/testdata/llama_tiny_scaled");
  ASSERT_TRUE(older.ok()) << older.status();
  EXPECT_EQ(older->rope_scaling, expected);
  EXPECT_EQ(older->rope_theta, 10000.0);
  EXPECT_EQ(older->eos_token_ids, (std::vector<int32_t>{1, 2}));
  config_ = ReadJson("llama_tiny_scaled");
  config_["rope_parameters"] = config_["rope_scaling"];
  config_["rope_parameters"]["rope_theta"] = 500000.0;
  config_.erase("rope_scaling");
  config_.erase("rope_theta");
  const auto newer = Load();
  ASSERT_TRUE(newer.ok()) << newer.status();
  EXPECT_EQ(newer->rope_scaling, expected);
  EXPECT_EQ(newer->rope_theta, 500000.0);
  EXPECT_EQ(LoadModelConfig("model/testdata/llama_tiny_untied")->rope_scaling, std::nullopt);
}

TEST_F(ModelConfigTest, MistralWithoutTheKeyHasTheWindowThatTransformersTakes) {
  config_ = ReadJson("mistral_tiny");  // says null, which is none
  config_.erase("sliding_window");
  EXPECT_EQ(Load()->attention_windows, (std::vector<int64_t>{4096, 4096}));
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
  const char* model = nullptr;  // whose config.json is patched; null: that of Qwen3 above
};

class ModelConfigRefusalTest : public ModelConfigTest, public testing::WithParamInterface<Refusal> {};

TEST_P(ModelConfigRefusalTest, NamesFileKeyAndValue) {
  if (GetParam().model != nullptr) config_ = ReadJson(GetParam().model);
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
                "supported: Qwen2ForCausalLM, Qwen3ForCausalLM, LlamaForCausalLM, MistralForCausalLM"},
        Refusal{"NoArchitecture", R"({"architectures":null})", kInvalid, "architectures"},
        Refusal{"RopeScaling", R"({"rope_scaling":{"rope_type":"yarn","factor":4.0}})", kUnsupported, "yarn"},
        Refusal{"RopeParameters", R"({"rope_parameters":{"rope_type":"linear","factor":2.0}})", kUnsupported, "linear"},
        Refusal{"TwoThetas", R"({"rope_parameters":{"rope_type":"default","rope_theta":5.0}})", kInvalid,
                "given twice"},
        Refusal{"DynamicRope", R"({"rope_scaling":{"type":"dynamic","factor":2.0}})", kUnsupported, "dynamic"},
        Refusal{"RopePerLayerType", R"({"rope_parameters":{"full_attention":{"rope_type":"default"}}})", kUnsupported,
                "rope_parameters: full_attention"},
        Refusal{"TwoRopeTypes", R"({"rope_scaling":{"rope_type":"llama3","type":"default"}})", kInvalid,
                "rope_scaling"},
        Refusal{"FactorOfDefaultRope", R"({"rope_scaling":{"type":"default","factor":2.0}})", kUnsupported,
                "rope_scaling: factor"},
        Refusal{"RopeText", R"({"rope_scaling":"llama3"})", kInvalid, "rope_scaling"},
        Refusal{"OuterOriginalContext", R"({"original_max_position_embeddings":4096})", kUnsupported,
                "original_max_position_embeddings"},
        Refusal{"OuterPartialRotary", R"({"partial_rotary_factor":0.25})", kUnsupported, "partial_rotary_factor"},
        Refusal{"Bias", R"({"attention_bias":true})", kUnsupported, "attention_bias"},
        Refusal{"WindowZero", R"({"use_sliding_window":true,"sliding_window":0})", kInvalid, "sliding_window"},
        Refusal{"SlidingLayerWithoutWindow", R"({"layer_types":["full_attention","sliding_attention"]})", kUnsupported,
                "sliding_attention needs"},
        Refusal{"LayerTypes", R"({"layer_types":["chunked_attention"]})", kUnsupported, "chunked_attention"},
        Refusal{"FewLayerTypes", R"({"layer_types":["full_attention"]})", kInvalid, "num_hidden_layers 28"},
        Refusal{"Activation", R"({"hidden_act":"gelu"})", kUnsupported, "gelu"},
        Refusal{"NotCausal", R"({"is_causal":false})", kUnsupported, "is_causal"},
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
        Refusal{"Qwen2WithoutBias", R"({"attention_bias":false})", kUnsupported, "attention_bias", "qwen2_tiny"},
        Refusal{"Qwen2OtherType", R"({"model_type":"qwen2_moe"})", kUnsupported, "qwen2_moe", "qwen2_tiny"},
        Refusal{"HiddenSizeOfNoHead", R"({"hidden_size":18})", kInvalid, "num_attention_heads 4", "qwen2_tiny"},
        Refusal{"LlamaBias", R"({"attention_bias":true})", kUnsupported, "attention_bias", "llama_tiny_scaled"},
        Refusal{"LlamaWindow", R"({"sliding_window":64})", kUnsupported, "sliding_window", "llama_tiny_scaled"},
        Refusal{"LlamaSwitchedWindow", R"({"use_sliding_window":true})", kUnsupported, "use_sliding_window",
                "llama_tiny_scaled"},
        Refusal{"NoFactor", R"({"rope_scaling":{"factor":null}})", kInvalid, "rope_scaling: factor: is missing",
                "llama_tiny_scaled"},
        Refusal{"NoOriginalContext", R"({"rope_scaling":{"original_max_position_embeddings":null}})", kInvalid,
                "original_max_position_embeddings", "llama_tiny_scaled"},
        Refusal{"SmallFactor", R"({"rope_scaling":{"factor":0.5}})", kInvalid, "factor", "llama_tiny_scaled"},
        Refusal{"Bands", R"({"rope_scaling":{"low_freq_factor":4.0}})", kInvalid, "high_freq_factor",
                "llama_tiny_scaled"},
        Refusal{"ForeignRopeKey", R"({"rope_scaling":{"beta_fast":32}})", kUnsupported, "beta_fast",
                "llama_tiny_scaled"},
        Refusal{"TwoScalings", R"({"rope_parameters":{"rope_type":"default"}})", kInvalid, "disagrees",
                "llama_tiny_scaled"},
        Refusal{"MistralBias", R"({"attention_bias":true})", kUnsupported, "attention_bias", "mistral_tiny"},
        Refusal{"MistralSwitch", R"({"use_sliding_window":false})", kUnsupported, "use_sliding_window",
                "mistral_tiny_window"},
        Refusal{"MistralMixedLayers", R"({"layer_types":["sliding_attention","full_attention"]})", kUnsupported,
                "layer_types", "mistral_tiny_window"},
        Refusal{"NestedEos", R"({"eos_token_id":[[[1]]]})", kInvalid, "eos_token_id"},
        Refusal{"Eos", R"({"eos_token_id":151936})", kInvalid, "eos_token_id"}),
    [](const testing::TestParamInfo<Refusal>& refusal) { return refusal.param.what; });

TEST_F(ModelConfigTest, KeysByWhichOtherModelsDifferAreRefusedUnlessTheyChangeNothing) {
  const auto check = [this](const char* key, const json& neutral, const json& changing) {
    for (const json& value : neutral) {
      config_[key] = value;
      EXPECT_TRUE(Load().ok()) << key << " " << value;
    }
    for (const json& value : changing) {
      config_[key] = value;
      const absl::Status status = Load().status();
      EXPECT_EQ(status.code(), kUnsupported) << status;
      EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat("config.json: ", key))) << status;
    }
    config_.erase(key);
  };
  const json off = {nullptr, false, 0, 0.0}, on = {true, 2, 0.5, {{"0", 1}}, json::array({1})};
  for (const char* key : {"add_cross_attention",
                          "attention_chunk_size",
                          "attention_multiplier",
                          "attn_logit_softcapping",
                          "clip_qkv",
                          "dual_chunk_attention_config",
                          "final_logit_softcapping",
                          "is_encoder_decoder",
                          "layer_norm_eps",
                          "mlp_bias",
                          "no_rope_layer_interval",
                          "no_rope_layers",
                          "num_experts",
                          "num_local_experts",
                          "per_layer_config",
                          "query_pre_attn_scalar",
                          "rope_interleaved",
                          "use_bidirectional_attention",
                          "use_mrope",
                          "use_parallel_residual",
                          "use_qk_norm"}) {
    check(key, off, on);
  }
  for (const char* key :
       {"embedding_multiplier", "logit_scale", "logits_scaling", "residual_multiplier", "rotary_pct"}) {
    check(key, {nullptr, 1, 1.0}, {0, 0.25, 16, true, "1"});
  }
}

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
