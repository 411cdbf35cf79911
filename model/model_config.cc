// SPDX-License-Identifier: Apache-2.0
#include "model/model_config.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/architectures/architecture_table.h"
#include "model/strict_json.h"

namespace cohort::model {
namespace {

using nlohmann::json;

// Far above any real model; the bytes of all parameters stay below 2^63.
constexpr int64_t kMaxDim = int64_t{1} << 22;
constexpr int64_t kMaxLayers = 10'000;

absl::StatusOr<const Architecture*> ReadArchitecture(const JsonFields& fields) {
  const json* names = fields.Find("architectures");
  if (names == nullptr || !names->is_array() || names->size() != 1 || !(*names)[0].is_string()) {
    return fields.Invalid("architectures", "must be an array of one name");
  }
  const Architecture* architecture = FindArchitecture((*names)[0].get<std::string>());
  if (architecture == nullptr) {
    return fields.Unsupported("architectures", absl::StrCat("not supported; supported: ", SupportedArchitectures()));
  }
  return architecture;
}

// transformers 4 has rope_theta at the top, transformers 5 inside rope_parameters.
absl::StatusOr<double> ReadRopeTheta(const JsonFields& fields) {
  COHORT_ASSIGN_OR_RETURN(const double top, fields.PositiveOr("rope_theta", 10000.0));
  const json* parameters = fields.Find("rope_parameters");
  if (parameters == nullptr || !parameters->is_object()) return top;
  COHORT_ASSIGN_OR_RETURN(const double nested, JsonFields(*parameters, fields.file()).PositiveOr("rope_theta", top));
  if (fields.Find("rope_theta") != nullptr && nested != top) {
    return fields.Invalid("rope_parameters", absl::StrCat("disagrees with rope_theta ", top));
  }
  return nested;
}

// One id or an array of ids; empty when the key is absent.
absl::StatusOr<std::vector<int32_t>> ReadEosTokenIds(const JsonFields& fields, int64_t vocab_size) {
  std::vector<int32_t> ids;
  const json* value = fields.Find("eos_token_id");
  if (value == nullptr) return ids;
  for (const json& id : value->is_array() ? *value : json::array({*value})) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(vocab_size)) {
      return fields.Invalid("eos_token_id",
                            absl::StrCat("must be an id below vocab_size ", vocab_size, ", or several"));
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

absl::Status ReadShape(const JsonFields& fields, ModelConfig* config) {
  COHORT_ASSIGN_OR_RETURN(config->vocab_size, fields.Integer("vocab_size", 1, kMaxDim));
  COHORT_ASSIGN_OR_RETURN(config->hidden_size, fields.Integer("hidden_size", 1, kMaxDim));
  COHORT_ASSIGN_OR_RETURN(config->intermediate_size, fields.Integer("intermediate_size", 1, kMaxDim));
  COHORT_ASSIGN_OR_RETURN(config->num_layers, fields.Integer("num_hidden_layers", 1, kMaxLayers));
  COHORT_ASSIGN_OR_RETURN(config->num_heads, fields.Integer("num_attention_heads", 1, kMaxDim));
  COHORT_ASSIGN_OR_RETURN(config->num_kv_heads, fields.Integer("num_key_value_heads", 1, kMaxDim));
  COHORT_ASSIGN_OR_RETURN(config->head_dim, fields.Integer("head_dim", 2, 1024));
  COHORT_ASSIGN_OR_RETURN(config->max_position_embeddings, fields.Integer("max_position_embeddings", 1, kMaxDim));
  if (config->num_heads % config->num_kv_heads != 0) {
    return fields.Invalid("num_key_value_heads", absl::StrCat("must divide num_attention_heads ", config->num_heads));
  }
  if (config->num_heads * config->head_dim > kMaxDim) {
    return fields.Invalid("num_attention_heads", absl::StrCat("times head_dim must be at most ", kMaxDim));
  }
  if (config->head_dim % 2 != 0) return fields.Invalid("head_dim", "must be even");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int32_t>> ReadGenerationEos(const std::string& path, int64_t vocab_size) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return std::vector<int32_t>();
  COHORT_ASSIGN_OR_RETURN(const json document, ReadJsonObject(path));
  return ReadEosTokenIds(JsonFields(document, path), vocab_size);
}

}  // namespace

absl::StatusOr<ModelConfig> LoadModelConfig(std::string_view directory) {
  const std::string path = absl::StrCat(std::string(directory), "/config.json");
  COHORT_ASSIGN_OR_RETURN(const json document, ReadJsonObject(path));
  const JsonFields fields(document, path);

  ModelConfig config;
  COHORT_ASSIGN_OR_RETURN(const Architecture* architecture, ReadArchitecture(fields));
  config.architecture = std::string(architecture->name);
  COHORT_RETURN_IF_ERROR(architecture->check_features(fields));
  COHORT_RETURN_IF_ERROR(ReadShape(fields, &config));
  COHORT_ASSIGN_OR_RETURN(config.rms_norm_eps, fields.PositiveOr("rms_norm_eps", config.rms_norm_eps));
  if (config.rms_norm_eps > 1) return fields.Invalid("rms_norm_eps", "must be at most 1");
  COHORT_ASSIGN_OR_RETURN(config.rope_theta, ReadRopeTheta(fields));
  COHORT_ASSIGN_OR_RETURN(config.tie_word_embeddings, fields.BoolOr("tie_word_embeddings", false));

  const std::string generation_path = absl::StrCat(std::string(directory), "/generation_config.json");
  COHORT_ASSIGN_OR_RETURN(config.eos_token_ids, ReadGenerationEos(generation_path, config.vocab_size));
  if (config.eos_token_ids.empty()) {
    COHORT_ASSIGN_OR_RETURN(config.eos_token_ids, ReadEosTokenIds(fields, config.vocab_size));
  }
  if (config.eos_token_ids.empty()) {
    return fields.Invalid("eos_token_id", "is missing here and in generation_config.json: sampling could not stop");
  }
  return config;
}

}  // namespace cohort::model
