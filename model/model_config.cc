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
  COHORT_RETURN_IF_ERROR(architecture->read_config(fields, &config));
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
