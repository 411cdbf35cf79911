// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/template_source.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/regular_file.h"
#include "model/strict_json.h"

namespace cohort::model::chat_template {
namespace {

using nlohmann::json;

constexpr const char* kSpecialTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                          "pad_token", "cls_token", "mask_token"};

// An empty object when there is no such file.
absl::StatusOr<json> ReadOptionalObject(const std::string& path) {
  absl::StatusOr<json> object = ReadJsonObject(path);
  if (absl::IsNotFound(object.status())) return json::object();
  return object;
}

// A token is its text, or an object with its text as `content`.
absl::Status ReadSpecialTokens(const JsonFields& fields, TemplateSource* source) {
  for (const char* const name : kSpecialTokens) {
    const json* token = fields.Find(name);
    if (token != nullptr && token->is_object() && token->contains("content")) token = &token->at("content");
    if (token == nullptr) continue;
    if (!token->is_string()) return fields.Invalid(name, "must be a string or an object with a string as content");
    const auto text = token->get<std::string>();
    bool is_known = false;
    for (auto& [known, value] : source->special_tokens) {
      if (known != name) continue;
      value = text;
      is_known = true;
    }
    if (!is_known) source->special_tokens.emplace_back(name, text);
  }
  return absl::OkStatus();
}

// "chat_template": a text, or [{"name": "default", "template": "..."}, ...].
absl::Status ReadTemplates(const JsonFields& fields, TemplateSource* source) {
  const json* const templates = fields.Find("chat_template");
  const std::string name = absl::StrCat(std::string(fields.file()), ": chat_template");
  if (templates == nullptr) return absl::OkStatus();
  if (templates->is_string()) {
    source->general = {name, templates->get<std::string>()};
    return absl::OkStatus();
  }
  if (!templates->is_array()) return fields.Invalid("chat_template", "must be a string or a list of named templates");
  for (const json& entry : *templates) {
    const bool is_named = entry.is_object() && entry.contains("name") && entry.contains("template") &&
                          entry.at("name").is_string() && entry.at("template").is_string();
    if (!is_named) return fields.Invalid("chat_template", "each entry needs a name and a template");
    const auto label = entry.at("name").get<std::string>();
    const std::string where = absl::StrCat(name, "[", label, "]");
    if (label == "default") source->general = {where, entry.at("template").get<std::string>()};
    if (label == "tool_use") source->for_tools = {where, entry.at("template").get<std::string>()};
  }
  if (!source->general.text.empty()) return absl::OkStatus();
  return fields.Invalid("chat_template", "has several templates and none of them is named default");
}

}  // namespace

absl::StatusOr<TemplateSource> ReadTemplateSource(std::string_view directory) {
  const std::string folder(directory);
  TemplateSource source;
  const std::string config_path = absl::StrCat(folder, "/tokenizer_config.json");
  COHORT_ASSIGN_OR_RETURN(const json config, ReadOptionalObject(config_path));
  const JsonFields fields(config, config_path);
  COHORT_RETURN_IF_ERROR(ReadSpecialTokens(fields, &source));
  if (!config.contains("added_tokens_decoder")) {
    // Older folders keep special tokens in a file of their own, which comes first.
    const std::string map_path = absl::StrCat(folder, "/special_tokens_map.json");
    COHORT_ASSIGN_OR_RETURN(const json map, ReadOptionalObject(map_path));
    COHORT_RETURN_IF_ERROR(ReadSpecialTokens(JsonFields(map, map_path), &source));
  }
  const std::string path = absl::StrCat(folder, "/chat_template.jinja");
  absl::StatusOr<std::string> text = ReadRegularFile(path);
  if (text.ok()) {
    source.general = {path, *std::move(text)};
    return source;
  }
  if (!absl::IsNotFound(text.status())) return text.status();
  COHORT_RETURN_IF_ERROR(ReadTemplates(fields, &source));
  if (!source.general.text.empty()) return source;
  return absl::NotFoundError(absl::StrCat(
      folder, ": the model has no chat template (no chat_template.jinja, no chat_template in tokenizer_config.json)"));
}

}  // namespace cohort::model::chat_template
