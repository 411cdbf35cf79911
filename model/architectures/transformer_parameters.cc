// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/transformer_parameters.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cohort::model {
namespace {

using Kind = ParameterSpec::Kind;

void AddLayer(const ModelConfig& config, int64_t layer, std::vector<ParameterSpec>* parameters) {
  const int64_t hidden = config.hidden_size;
  const int64_t query = config.num_heads * config.head_dim;
  const int64_t key_value = config.num_kv_heads * config.head_dim;
  const std::string prefix = absl::StrCat("model.layers.", layer, ".");
  const auto add = [&](const char* name, std::vector<int64_t> shape, Kind kind) {
    parameters->push_back({prefix + name, std::move(shape), kind, layer});
  };
  const auto add_bias = [&](const char* name, int64_t size) {
    if (config.has_qkv_bias) add(name, {size}, Kind::kBias);
  };
  add("input_layernorm.weight", {hidden}, Kind::kNorm);
  add("self_attn.q_proj.weight", {query, hidden}, Kind::kMatrix);
  add_bias("self_attn.q_proj.bias", query);
  add("self_attn.k_proj.weight", {key_value, hidden}, Kind::kMatrix);
  add_bias("self_attn.k_proj.bias", key_value);
  add("self_attn.v_proj.weight", {key_value, hidden}, Kind::kMatrix);
  add_bias("self_attn.v_proj.bias", key_value);
  if (config.has_qk_norm) {
    add("self_attn.q_norm.weight", {config.head_dim}, Kind::kNorm);
    add("self_attn.k_norm.weight", {config.head_dim}, Kind::kNorm);
  }
  add("self_attn.o_proj.weight", {hidden, query}, Kind::kMatrix);
  add("post_attention_layernorm.weight", {hidden}, Kind::kNorm);
  add("mlp.gate_proj.weight", {config.intermediate_size, hidden}, Kind::kMatrix);
  add("mlp.up_proj.weight", {config.intermediate_size, hidden}, Kind::kMatrix);
  add("mlp.down_proj.weight", {hidden, config.intermediate_size}, Kind::kMatrix);
}

}  // namespace

std::vector<ParameterSpec> TransformerParameters(const ModelConfig& config) {
  std::vector<ParameterSpec> parameters;
  parameters.push_back({"model.embed_tokens.weight", {config.vocab_size, config.hidden_size}, Kind::kMatrix});
  for (int64_t layer = 0; layer < config.num_layers; ++layer) AddLayer(config, layer, &parameters);
  parameters.push_back({"model.norm.weight", {config.hidden_size}, Kind::kNorm});
  if (!config.tie_word_embeddings) {
    parameters.push_back({"lm_head.weight", {config.vocab_size, config.hidden_size}, Kind::kMatrix});
  }
  return parameters;
}

}  // namespace cohort::model
