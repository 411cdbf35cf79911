// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/testing/tiny_model.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/files.h"
#include "common/status_macros.h"
#include "model/weights/model_folder.h"

namespace cohort::rollout_worker {
namespace {

using Json = nlohmann::json;

Json TinyConfig() {
  return {{"architectures", {"Qwen3ForCausalLM"}},
          {"model_type", "qwen3"},
          {"vocab_size", 18},
          {"hidden_size", 32},
          {"intermediate_size", 48},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 16},
          {"max_position_embeddings", kTinyContext},
          {"rms_norm_eps", 1e-6},
          {"rope_theta", 10000.0},
          {"tie_word_embeddings", true},
          {"hidden_act", "silu"},
          {"attention_bias", false},
          {"eos_token_id", kTinyEos},
          {"initializer_range", 0.3},
          {"dtype", "float32"}};
}

Json TinyTokenizer() {
  Json vocabulary = {{"<eos>", kTinyEos}};
  int32_t id = kTinyEos;
  for (const char c : std::string(kTinyCharacters)) {
    // The byte alphabet's letter for the blank.
    vocabulary[c == ' ' ? "\xC4\xA0" : std::string(1, c)] = ++id;
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"normalizer", nullptr},
          {"post_processor", nullptr},
          {"added_tokens",
           {{{"id", kTinyEos},
             {"content", "<eos>"},
             {"special", true},
             {"single_word", false},
             {"lstrip", false},
             {"rstrip", false},
             {"normalized", false}}}},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array()}}}};
}

}  // namespace

absl::Status WriteTinyModel(const std::string& directory, uint64_t seed) {
  const std::string source = directory + ".template";
  std::error_code error;
  std::filesystem::create_directories(source, error);
  COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(source + "/config.json", TinyConfig().dump(2)));
  COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(source + "/tokenizer.json", TinyTokenizer().dump(2)));
  return model::WriteRandomModel(source, directory, seed);
}

}  // namespace cohort::rollout_worker
