// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/template_ids.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/tokenizer/component_fields.h"

namespace cohort::model {
namespace {

using nlohmann::json;

// "special_tokens": {"<name>": {"id": "<name>", "ids": [1], "tokens": ["<name>"]}}
absl::Status AppendSpecialToken(const JsonFields& processor, const std::string& name, std::vector<int32_t>* ids) {
  const json* tokens = processor.Find("special_tokens");
  const auto token = tokens == nullptr || !tokens->is_object() ? json::const_iterator() : tokens->find(name);
  if (tokens == nullptr || !tokens->is_object() || token == tokens->end() || !token->is_object()) {
    return processor.Invalid("single", absl::StrCat("needs an entry of special_tokens that is not there (",
                                                    common::Printable(name, /*max_bytes=*/60), ")"));
  }
  const auto list = token->find("ids");
  if (list == token->end() || !list->is_array() || list->empty()) {
    return processor.Invalid("special_tokens", absl::StrCat(common::Printable(name, /*max_bytes=*/60), " has no ids"));
  }
  for (const json& id : *list) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > static_cast<uint64_t>(kMaxTokenId)) {
      return processor.Invalid("special_tokens", "ids must be small non-negative integers");
    }
    ids->push_back(id.get<int32_t>());
  }
  return absl::OkStatus();
}

// The "id" of a piece {"<kind>": {"id": ..., "type_id": ...}}; empty when the piece is of another kind.
std::string PieceId(const json& piece, const char* kind) {
  if (!piece.is_object() || piece.size() != 1 || !piece.contains(kind) || !piece[kind].is_object()) return "";
  const auto id = piece[kind].find("id");
  return id != piece[kind].end() && id->is_string() ? id->get<std::string>() : "";
}

absl::StatusOr<TemplateIds> ReadTemplate(const JsonFields& processor) {
  const json* single = processor.Find("single");
  if (single == nullptr || !single->is_array()) return processor.Invalid("single", "must be an array");
  TemplateIds ids;
  bool has_text = false;
  for (const json& piece : *single) {
    const std::string special = PieceId(piece, "SpecialToken");
    if (!special.empty()) {
      COHORT_RETURN_IF_ERROR(AppendSpecialToken(processor, special, has_text ? &ids.trailing : &ids.leading));
      continue;
    }
    if (PieceId(piece, "Sequence") != "A") return processor.Invalid("single", "has a piece that is not understood");
    if (has_text) return processor.Unsupported("single", "the text more than once is not supported");
    has_text = true;
  }
  if (!has_text) return processor.Invalid("single", "does not hold the text, sequence A");
  return ids;
}

}  // namespace

absl::StatusOr<TemplateIds> ReadTemplateIds(const JsonFields& root) {
  const json* component = root.Find("post_processor");
  const std::string type = ComponentType(component);
  if (type == "null" || type == "ByteLevel") return TemplateIds();
  if (type == "TemplateProcessing") return ReadTemplate(JsonFields(*component, root.file()));
  if (type != "Sequence") return RefuseComponent(root, "post_processor", type);
  const auto parts = component->find("processors");
  if (parts == component->end() || !parts->is_array()) return root.Invalid("post_processor", "has no processors");
  TemplateIds ids;
  bool has_template = false;
  for (const json& part : *parts) {
    const std::string part_type = ComponentType(&part);
    if (part_type == "ByteLevel") continue;
    if (part_type != "TemplateProcessing") return RefuseComponent(root, "post_processor", part_type);
    if (has_template) return root.Unsupported("post_processor", "a second TemplateProcessing is not supported");
    has_template = true;
    COHORT_ASSIGN_OR_RETURN(ids, ReadTemplate(JsonFields(part, root.file())));
  }
  return ids;
}

}  // namespace cohort::model
