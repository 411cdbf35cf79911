// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/component_fields.h"

#include "absl/strings/str_cat.h"
#include "common/utf8.h"

namespace cohort::model {

using nlohmann::json;

std::string ComponentType(const json* component) {
  if (component == nullptr) return "null";
  if (!component->is_object()) return "";
  const auto type = component->find("type");
  return type != component->end() && type->is_string() ? type->get<std::string>() : "";
}

absl::Status RefuseComponent(const JsonFields& fields, const std::string& key, const std::string& type) {
  return absl::UnimplementedError(absl::StrCat(std::string(fields.file()), ": ", key, ": component is not supported (",
                                               type.empty() ? "no type" : common::Printable(type, /*max_bytes=*/60),
                                               ")"));
}

absl::Status RequireOff(const JsonFields& fields, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const json* value = fields.Find(key);
    const bool is_off = value == nullptr || *value == false || *value == "" || (value->is_number() && *value == 0);
    if (!is_off) return fields.Unsupported(key, "option is not supported");
  }
  return absl::OkStatus();
}

}  // namespace cohort::model
