// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/attribute_path.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "model/chat_template/number_text.h"
#include "model/chat_template/subscripts.h"
#include "model/chat_template/unicode.h"

namespace cohort::model::chat_template {
namespace {

absl::StatusOr<std::vector<Value>> PathParts(const Value& attribute, RenderBudget* budget) {
  if (!attribute.IsString()) return std::vector<Value>{attribute};
  std::vector<Value> parts;
  for (const absl::string_view piece : absl::StrSplit(attribute.text(), '.', absl::AllowEmpty())) {
    const std::string part(piece);
    const bool is_number =
        !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return absl::ascii_isdigit(c); });
    const auto number = is_number ? IntegerFromText(part, 10) : std::nullopt;
    if (number.has_value()) {
      parts.push_back(Value::Integer(*number));
      continue;
    }
    COHORT_ASSIGN_OR_RETURN(Value name, budget->String(part));
    parts.push_back(std::move(name));
  }
  return parts;
}

}  // namespace

absl::StatusOr<Value> FollowPath(const Value& item, const Value* attribute, const Value* fallback,
                                 RenderBudget* budget) {
  if (attribute == nullptr || attribute->IsNone()) return item;
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> parts, PathParts(*attribute, budget));
  Value found = item;
  for (const Value& part : parts) {
    COHORT_ASSIGN_OR_RETURN(found, ItemOf(found, part, budget));
    if (found.IsUndefined() && fallback != nullptr && !fallback->IsNone()) found = *fallback;
  }
  return found;
}

absl::StatusOr<Value> IgnoreCase(const Value& value, RenderBudget* budget) {
  if (!value.IsString()) return value;
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(value.text().size()) * 4));
  return budget->String(Lower(value.text()));
}

}  // namespace cohort::model::chat_template
