// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/transformer_config.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model {
namespace {

using nlohmann::json;

// Far above any real model; the bytes of all parameters stay below 2^63.
constexpr int64_t kMaxDim = int64_t{1} << 22;
constexpr int64_t kMaxLayers = 10'000;
constexpr int64_t kMaxHeadDim = 1024;

// What transformers takes when the keys are absent.
constexpr int64_t kDefaultWindow = 4096;
constexpr int64_t kDefaultMaxWindowLayers = 28;

// Keys by which other models change the computation; false and 0 leave it as it is.
constexpr const char* kForeignSwitches[] = {
    "add_cross_attention",
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
    "use_qk_norm",
};

// The like, which leave it as it is when they are 1.
constexpr const char* kForeignFactors[] = {
    "embedding_multiplier", "logit_scale", "logits_scaling", "residual_multiplier", "rotary_pct",
};

absl::Status CheckForeignKeys(const JsonFields& fields) {
  constexpr char kWhy[] = "this architecture has no such feature";
  for (const char* key : kForeignSwitches) {
    const json* value = fields.Find(key);
    if (value != nullptr && *value != false && *value != 0) return fields.Unsupported(key, kWhy);
  }
  for (const char* key : kForeignFactors) {
    const json* value = fields.Find(key);
    if (value != nullptr && *value != 1) return fields.Unsupported(key, kWhy);
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ReadHeadDim(const JsonFields& fields, const ShapeDefaults& defaults,
                                    const ModelConfig& config) {
  if (fields.Find("head_dim") != nullptr || !defaults.head_dim_from_hidden_size) {
    return fields.Integer("head_dim", 2, kMaxHeadDim);
  }
  const int64_t head_dim = config.hidden_size / config.num_heads;
  if (config.hidden_size % config.num_heads != 0 || head_dim < 2 || head_dim > kMaxHeadDim) {
    return fields.Invalid("hidden_size", absl::StrCat("must be 2 to ", kMaxHeadDim, " times num_attention_heads ",
                                                      config.num_heads, " where head_dim is absent"));
  }
  return head_dim;
}

// 0 for none.
absl::StatusOr<int64_t> ReadWindowSize(const JsonFields& fields) {
  if (fields.IsNull("sliding_window")) return 0;
  return fields.IntegerOr("sliding_window", kDefaultWindow, 1, kMaxDim);
}

// The windows of the layers as `layer_types` says, which must be there; `window` is that of a sliding one.
absl::StatusOr<std::vector<int64_t>> ReadLayerTypes(const JsonFields& fields, int64_t window, int64_t num_layers) {
  const json* types = fields.Find("layer_types");
  if (types == nullptr || !types->is_array()) return fields.Invalid("layer_types", "must be an array");
  std::vector<int64_t> windows;
  for (const json& type : *types) {
    if (type != "full_attention" && type != "sliding_attention") {
      return fields.Unsupported("layer_types", "only full_attention and sliding_attention are supported");
    }
    if (type == "sliding_attention" && window == 0) {
      return fields.Unsupported("layer_types", "sliding_attention needs a sliding window, of which there is none");
    }
    windows.push_back(type == "sliding_attention" ? window : 0);
  }
  if (static_cast<int64_t>(windows.size()) != num_layers) {
    return fields.Invalid("layer_types",
                          absl::StrCat("must have one entry for each of num_hidden_layers ", num_layers));
  }
  return windows;
}

void SetWindows(std::vector<int64_t> windows, ModelConfig* config) {
  const bool slides = std::any_of(windows.begin(), windows.end(), [](int64_t window) { return window > 0; });
  config->attention_windows = slides ? std::move(windows) : std::vector<int64_t>();
}

}  // namespace

absl::Status CheckTransformerFeatures(const JsonFields& fields, std::string_view model_type) {
  COHORT_ASSIGN_OR_RETURN(const std::string type, fields.StringOr("model_type", model_type));
  if (type != model_type) {
    return fields.Unsupported("model_type",
                              absl::StrCat("must be ", std::string(model_type), ", as the architecture says"));
  }
  COHORT_ASSIGN_OR_RETURN(const std::string activation, fields.StringOr("hidden_act", "silu"));
  if (activation != "silu") return fields.Unsupported("hidden_act", "only silu is supported");
  COHORT_ASSIGN_OR_RETURN(const bool is_causal, fields.BoolOr("is_causal", true));
  if (!is_causal) return fields.Unsupported("is_causal", "only causal attention is supported");
  const json* dropout = fields.Find("attention_dropout");
  if (dropout != nullptr && *dropout != 0) return fields.Unsupported("attention_dropout", "dropout is not supported");
  if (fields.Find("quantization_config") != nullptr) {
    return fields.Unsupported("quantization_config", "quantized weights are not supported");
  }
  if (fields.Find("auto_map") != nullptr) {
    return fields.Unsupported("auto_map", "code of the model folder is never run");
  }
  return CheckForeignKeys(fields);
}

absl::Status RefuseAttentionBias(const JsonFields& fields) {
  COHORT_ASSIGN_OR_RETURN(const bool has_bias, fields.BoolOr("attention_bias", false));
  if (has_bias) return fields.Unsupported("attention_bias", "attention biases are not supported");
  return absl::OkStatus();
}

absl::Status ReadTransformerShape(const JsonFields& fields, const ShapeDefaults& defaults, ModelConfig* config) {
  COHORT_ASSIGN_OR_RETURN(config->vocab_size, fields.Integer("vocab_size", 1, kMaxDim));
  COHORT_ASSIGN_OR_RETURN(config->hidden_size, fields.Integer("hidden_size", 1, kMaxDim));
  COHORT_ASSIGN_OR_RETURN(config->intermediate_size, fields.Integer("intermediate_size", 1, kMaxDim));
  COHORT_ASSIGN_OR_RETURN(config->num_layers, fields.Integer("num_hidden_layers", 1, kMaxLayers));
  COHORT_ASSIGN_OR_RETURN(config->num_heads, fields.Integer("num_attention_heads", 1, kMaxDim));
  if (fields.Find("num_key_value_heads") == nullptr && defaults.num_kv_heads_from_num_heads) {
    config->num_kv_heads = config->num_heads;
  } else {
    COHORT_ASSIGN_OR_RETURN(config->num_kv_heads, fields.Integer("num_key_value_heads", 1, kMaxDim));
  }
  COHORT_ASSIGN_OR_RETURN(config->head_dim, ReadHeadDim(fields, defaults, *config));
  COHORT_ASSIGN_OR_RETURN(config->max_position_embeddings, fields.Integer("max_position_embeddings", 1, kMaxDim));
  COHORT_ASSIGN_OR_RETURN(config->rms_norm_eps, fields.PositiveOr("rms_norm_eps", config->rms_norm_eps));
  if (config->num_heads % config->num_kv_heads != 0) {
    return fields.Invalid("num_key_value_heads", absl::StrCat("must divide num_attention_heads ", config->num_heads));
  }
  if (config->num_heads * config->head_dim > kMaxDim) {
    return fields.Invalid("num_attention_heads", absl::StrCat("times head_dim must be at most ", kMaxDim));
  }
  if (config->head_dim % 2 != 0) {
    return fields.Invalid("head_dim", absl::StrCat("must be even, not ", config->head_dim));
  }
  if (config->rms_norm_eps > 1) return fields.Invalid("rms_norm_eps", "must be at most 1");
  return absl::OkStatus();
}

absl::Status ReadSwitchedWindow(const JsonFields& fields, ModelConfig* config) {
  COHORT_ASSIGN_OR_RETURN(const bool is_on, fields.BoolOr("use_sliding_window", false));
  int64_t window = 0;
  if (is_on) {
    COHORT_ASSIGN_OR_RETURN(window, ReadWindowSize(fields));
  }
  std::vector<int64_t> windows(config->num_layers, 0);
  if (fields.Find("layer_types") != nullptr) {
    COHORT_ASSIGN_OR_RETURN(windows, ReadLayerTypes(fields, window, config->num_layers));
  } else {
    COHORT_ASSIGN_OR_RETURN(const int64_t first,
                            fields.IntegerOr("max_window_layers", kDefaultMaxWindowLayers, 0, kMaxDim));
    for (int64_t layer = first; layer < config->num_layers; ++layer) windows[layer] = window;
  }
  SetWindows(std::move(windows), config);
  return absl::OkStatus();
}

absl::Status ReadUniformWindow(const JsonFields& fields, ModelConfig* config) {
  COHORT_ASSIGN_OR_RETURN(const int64_t window, ReadWindowSize(fields));
  COHORT_ASSIGN_OR_RETURN(const bool is_on, fields.BoolOr("use_sliding_window", window > 0));
  if (is_on != (window > 0)) {
    return fields.Unsupported("use_sliding_window", "this architecture decides by sliding_window alone");
  }
  std::vector<int64_t> windows(config->num_layers, window);
  if (fields.Find("layer_types") != nullptr) {
    COHORT_ASSIGN_OR_RETURN(const std::vector<int64_t> said, ReadLayerTypes(fields, window, config->num_layers));
    if (said != windows) {
      return fields.Unsupported("layer_types", "layers of this architecture have all the same sliding_window");
    }
  }
  SetWindows(std::move(windows), config);
  return absl::OkStatus();
}

absl::Status RefuseWindow(const JsonFields& fields, const ModelConfig& config) {
  COHORT_ASSIGN_OR_RETURN(const bool is_on, fields.BoolOr("use_sliding_window", false));
  constexpr char kWhy[] = "this architecture has no sliding window";
  if (is_on) return fields.Unsupported("use_sliding_window", kWhy);
  if (fields.Find("sliding_window") != nullptr) return fields.Unsupported("sliding_window", kWhy);
  if (fields.Find("layer_types") == nullptr) return absl::OkStatus();
  return ReadLayerTypes(fields, /*window=*/0, config.num_layers).status();
}

}  // namespace cohort::model
