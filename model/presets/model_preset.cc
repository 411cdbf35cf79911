// SPDX-License-Identifier: Apache-2.0
#include "model/presets/model_preset.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/utf8.h"
#include "model/tokenizer/byte_alphabet.h"

namespace cohort::model {
namespace {

using Json = nlohmann::ordered_json;

// What the members of a family have in common.
ModelPreset Qwen3(std::string_view name) {
  ModelPreset preset;
  preset.name = name;
  preset.architecture = "Qwen3ForCausalLM";
  preset.model_type = "qwen3";
  preset.vocab_size = 151936;
  preset.num_kv_heads = 8;
  preset.head_dim = 128;
  preset.max_position_embeddings = 40960;
  preset.rms_norm_eps = 1e-6;
  preset.rope_theta = 1e6;
  preset.bos = {151643, "<|endoftext|>"};
  preset.eos = {{{151645, "<|im_end|>"}, {151643, "<|endoftext|>"}}};
  return preset;
}

ModelPreset Qwen25(std::string_view name) {
  ModelPreset preset;
  preset.name = name;
  preset.architecture = "Qwen2ForCausalLM";
  preset.model_type = "qwen2";
  preset.vocab_size = 151936;
  preset.max_position_embeddings = 131072;
  preset.rms_norm_eps = 1e-6;
  preset.rope_theta = 1e6;
  preset.bos = {151643, "<|endoftext|>"};
  preset.eos = {{{151643, "<|endoftext|>"}, {}}};
  return preset;
}

ModelPreset Llama3(std::string_view name, double rope_factor) {
  ModelPreset preset;
  preset.name = name;
  preset.architecture = "LlamaForCausalLM";
  preset.model_type = "llama";
  preset.vocab_size = 128256;
  preset.num_kv_heads = 8;
  preset.max_position_embeddings = 131072;
  preset.rms_norm_eps = 1e-5;
  preset.rope_theta = 500000;
  preset.llama3_rope_factor = rope_factor;
  preset.bos = {128000, "<|begin_of_text|>"};
  preset.eos = {{{128001, "<|end_of_text|>"}, {}}};
  return preset;
}

struct Shape {
  int64_t hidden_size, intermediate_size, num_layers, num_heads;
  bool tie_word_embeddings;
};

ModelPreset WithShape(ModelPreset preset, const Shape& shape) {
  preset.hidden_size = shape.hidden_size;
  preset.intermediate_size = shape.intermediate_size;
  preset.num_layers = shape.num_layers;
  preset.num_heads = shape.num_heads;
  preset.tie_word_embeddings = shape.tie_word_embeddings;
  return preset;
}

std::vector<ModelPreset> MakePresets() {
  std::vector<ModelPreset> presets = {
      WithShape(Qwen3("qwen3-0.6b"), {1024, 3072, 28, 16, true}),
      WithShape(Qwen3("qwen3-1.7b"), {2048, 6144, 28, 16, true}),
      WithShape(Qwen3("qwen3-4b"), {2560, 9728, 36, 32, true}),
      WithShape(Qwen3("qwen3-8b"), {4096, 12288, 36, 32, false}),
  };
  ModelPreset half = WithShape(Qwen25("qwen2.5-0.5b"), {896, 4864, 24, 14, true});
  half.num_kv_heads = 2;
  half.max_position_embeddings = 32768;
  ModelPreset one_and_a_half = WithShape(Qwen25("qwen2.5-1.5b"), {1536, 8960, 28, 12, true});
  one_and_a_half.num_kv_heads = 2;
  ModelPreset seven = WithShape(Qwen25("qwen2.5-7b"), {3584, 18944, 28, 28, false});
  seven.num_kv_heads = 4;
  seven.vocab_size = 152064;
  ModelPreset one = WithShape(Llama3("llama-3.2-1b", 32), {2048, 8192, 16, 32, true});
  one.head_dim = 64;
  ModelPreset three = WithShape(Llama3("llama-3.2-3b", 32), {3072, 8192, 28, 24, true});
  three.head_dim = 128;
  const ModelPreset eight = WithShape(Llama3("llama-3.1-8b", 8), {4096, 14336, 32, 32, false});
  presets.insert(presets.end(), {half, one_and_a_half, seven, one, three, eight});
  return presets;
}

Json RopeScaling(const ModelPreset& preset) {
  if (preset.llama3_rope_factor == 0) return nullptr;
  return {{"factor", preset.llama3_rope_factor},
          {"high_freq_factor", 4.0},
          {"low_freq_factor", 1.0},
          {"original_max_position_embeddings", 8192},
          {"rope_type", "llama3"}};
}

// Keys that only one family's files have.
void AddFamilyKeys(const ModelPreset& preset, Json* config) {
  if (preset.model_type == "llama") {
    (*config)["attention_bias"] = false;
    (*config)["mlp_bias"] = false;
    (*config)["pretraining_tp"] = 1;
    return;
  }
  const bool is_qwen3 = preset.model_type == "qwen3";
  if (is_qwen3) (*config)["attention_bias"] = false;
  (*config)["max_window_layers"] = preset.num_layers;
  (*config)["sliding_window"] = is_qwen3 ? Json(nullptr) : Json(preset.max_position_embeddings);
  (*config)["use_sliding_window"] = false;
}

std::vector<SpecialToken> SpecialTokens(const ModelPreset& preset) {
  std::vector<SpecialToken> tokens;
  for (const SpecialToken& token : {preset.bos, preset.eos[0], preset.eos[1]}) {
    bool is_known = token.id < 0;
    for (const SpecialToken& known : tokens) is_known = is_known || known.id == token.id;
    if (!is_known) tokens.push_back(token);
  }
  return tokens;
}

}  // namespace

const std::vector<ModelPreset>& ModelPresets() {
  static const auto& presets = *new std::vector<ModelPreset>(MakePresets());
  return presets;
}

absl::StatusOr<ModelPreset> FindModelPreset(std::string_view name) {
  std::string known;
  for (const ModelPreset& preset : ModelPresets()) {
    if (preset.name == name) return preset;
    absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(preset.name));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("preset: unknown (", common::Printable(name, /*max_bytes=*/80), "); known: ", known));
}

std::string PresetConfigText(const ModelPreset& preset) {
  Json config = {{"architectures", Json::array({preset.architecture})},
                 {"attention_dropout", 0.0},
                 {"bos_token_id", preset.bos.id},
                 {"eos_token_id", preset.eos[0].id}};
  if (preset.head_dim > 0) config["head_dim"] = preset.head_dim;
  config["hidden_act"] = "silu";
  config["hidden_size"] = preset.hidden_size;
  config["initializer_range"] = 0.02;
  config["intermediate_size"] = preset.intermediate_size;
  config["max_position_embeddings"] = preset.max_position_embeddings;
  config["model_type"] = preset.model_type;
  config["num_attention_heads"] = preset.num_heads;
  config["num_hidden_layers"] = preset.num_layers;
  config["num_key_value_heads"] = preset.num_kv_heads;
  config["rms_norm_eps"] = preset.rms_norm_eps;
  config["rope_scaling"] = RopeScaling(preset);
  config["rope_theta"] = preset.rope_theta;
  config["tie_word_embeddings"] = preset.tie_word_embeddings;
  config["torch_dtype"] = "bfloat16";
  config["use_cache"] = true;
  config["vocab_size"] = preset.vocab_size;
  AddFamilyKeys(preset, &config);
  return config.dump(2) + "\n";
}

std::string PresetGenerationConfigText(const ModelPreset& preset) {
  Json eos = Json::array();
  for (const SpecialToken& token : preset.eos) {
    if (token.id >= 0) eos.push_back(token.id);
  }
  const Json config = {{"bos_token_id", preset.bos.id}, {"eos_token_id", eos}};
  return config.dump(2) + "\n";
}

std::string PresetTokenizerText(const ModelPreset& preset) {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary[ToByteAlphabet(std::string(1, static_cast<char>(byte)))] = byte;
  }
  Json added = Json::array();
  for (const SpecialToken& token : SpecialTokens(preset)) {
    // In the vocabulary too: the tokenizers library gives an added token that is not the next free id.
    vocabulary[std::string(token.text)] = token.id;
    added.push_back({{"id", token.id},
                     {"content", token.text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  const Json tokenizer = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", false},
        {"vocab", vocabulary},
        {"merges", Json::array()}}}};
  return tokenizer.dump() + "\n";
}

}  // namespace cohort::model
