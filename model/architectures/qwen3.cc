// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/qwen3.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model {
namespace {

// Both key styles: rope_scaling (transformers 4) and rope_parameters (transformers 5), of which only the default is
// known.
absl::Status CheckRope(const JsonFields& fields, std::string_view key) {
  const nlohmann::json* rope = fields.Find(key);
  if (rope == nullptr) return absl::OkStatus();
  if (!rope->is_object()) return fields.Invalid(key, "must be an object");
  for (const auto& [name, value] : rope->items()) {
    if ((name == "rope_type" || name == "type") && value == "default") continue;
    if (name == "rope_theta") continue;
    return fields.Unsupported(key, "only rope_type default is supported");
  }
  return absl::OkStatus();
}

absl::Status CheckLayerTypes(const JsonFields& fields) {
  const nlohmann::json* types = fields.Find("layer_types");
  if (types == nullptr) return absl::OkStatus();
  if (!types->is_array()) return fields.Invalid("layer_types", "must be an array");
  for (const nlohmann::json& type : *types) {
    if (type != "full_attention") return fields.Unsupported("layer_types", "only full_attention is supported");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckQwen3Features(const JsonFields& fields) {
  COHORT_RETURN_IF_ERROR(CheckRope(fields, "rope_scaling"));
  COHORT_RETURN_IF_ERROR(CheckRope(fields, "rope_parameters"));
  COHORT_RETURN_IF_ERROR(CheckLayerTypes(fields));
  COHORT_ASSIGN_OR_RETURN(const bool attention_bias, fields.BoolOr("attention_bias", false));
  if (attention_bias) return fields.Unsupported("attention_bias", "attention biases are not supported");
  COHORT_ASSIGN_OR_RETURN(const bool sliding_window, fields.BoolOr("use_sliding_window", false));
  if (sliding_window) return fields.Unsupported("use_sliding_window", "a sliding window is not supported");
  COHORT_ASSIGN_OR_RETURN(const std::string activation, fields.StringOr("hidden_act", "silu"));
  if (activation != "silu") return fields.Unsupported("hidden_act", "only silu is supported");
  COHORT_ASSIGN_OR_RETURN(const std::string type, fields.StringOr("model_type", "qwen3"));
  if (type != "qwen3")
    return fields.Unsupported("model_type", "must be qwen3, as the architecture is Qwen3ForCausalLM");
  const nlohmann::json* dropout = fields.Find("attention_dropout");
  if (dropout != nullptr && *dropout != 0) return fields.Unsupported("attention_dropout", "dropout is not supported");
  if (fields.Find("quantization_config") != nullptr) {
    return fields.Unsupported("quantization_config", "quantized weights are not supported");
  }
  if (fields.Find("auto_map") != nullptr) {
    return fields.Unsupported("auto_map", "code of the model folder is never run");
  }
  return absl::OkStatus();
}

std::vector<ParameterSpec> Qwen3Parameters(const ModelConfig& config) {
  using Kind = ParameterSpec::Kind;
  const int64_t hidden = config.hidden_size;
  const int64_t query = config.num_heads * config.head_dim;
  const int64_t key_value = config.num_kv_heads * config.head_dim;
  std::vector<ParameterSpec> parameters;
  parameters.push_back({"model.embed_tokens.weight", {config.vocab_size, hidden}, Kind::kMatrix});
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    const auto add = [&](const char* name, std::vector<int64_t> shape, Kind kind) {
      parameters.push_back({prefix + name, std::move(shape), kind});
    };
    add("input_layernorm.weight", {hidden}, Kind::kNorm);
    add("self_attn.q_proj.weight", {query, hidden}, Kind::kMatrix);
    add("self_attn.k_proj.weight", {key_value, hidden}, Kind::kMatrix);
    add("self_attn.v_proj.weight", {key_value, hidden}, Kind::kMatrix);
    add("self_attn.q_norm.weight", {config.head_dim}, Kind::kNorm);
    add("self_attn.k_norm.weight", {config.head_dim}, Kind::kNorm);
    add("self_attn.o_proj.weight", {hidden, query}, Kind::kMatrix);
    add("post_attention_layernorm.weight", {hidden}, Kind::kNorm);
    add("mlp.gate_proj.weight", {config.intermediate_size, hidden}, Kind::kMatrix);
    add("mlp.up_proj.weight", {config.intermediate_size, hidden}, Kind::kMatrix);
    add("mlp.down_proj.weight", {hidden, config.intermediate_size}, Kind::kMatrix);
  }
  parameters.push_back({"model.norm.weight", {hidden}, Kind::kNorm});
  if (!config.tie_word_embeddings) {
    parameters.push_back({"lm_head.weight", {config.vocab_size, hidden}, Kind::kMatrix});
  }
  return parameters;
}

}  // namespace cohort::model
