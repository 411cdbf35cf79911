// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/str_format.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_relations.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

constexpr size_t kShownBytes = 40;

// The argument that a field names; `*next` numbers the fields without a name.
absl::StatusOr<Value> FieldArgument(const std::string& field, const CallArguments& arguments, size_t* next) {
  if (field.find_first_of(".[!:") != std::string::npos) {
    return absl::UnimplementedError(
        absl::StrCat("a field of str.format is not supported ({", common::Printable(field, kShownBytes), "})"));
  }
  size_t index = 0;
  const auto parsed = std::from_chars(field.data(), field.data() + field.size(), index);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == field.data() + field.size();
  if (field.empty()) index = (*next)++;
  if (field.empty() || is_number) {
    if (index < arguments.positional.size()) return arguments.positional[index];
    return absl::InvalidArgumentError("str.format has too few arguments");
  }
  for (const auto& [name, value] : arguments.named) {
    if (name == field) return value;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("str.format lacks the argument ", common::Printable(field, kShownBytes)));
}

}  // namespace

absl::StatusOr<Value> StrFormat(const Value& format, const CallArguments& arguments, RenderBudget* budget) {
  if (format.is_markup()) return absl::UnimplementedError("formatting a text marked as safe is not supported");
  const std::string& source = format.text();
  std::string text;
  size_t next = 0;
  for (size_t at = 0; at < source.size(); ++at) {
    const char c = source[at];
    if (c != '{' && c != '}') {
      text += c;
      continue;
    }
    if (at + 1 < source.size() && source[at + 1] == c) {
      text += source[at++];
      continue;
    }
    const size_t end = c == '{' ? source.find('}', at) : std::string::npos;
    if (end == std::string::npos) return absl::InvalidArgumentError("str.format has a single brace");
    COHORT_RETURN_IF_ERROR(budget->Step(1 + static_cast<int64_t>(arguments.named.size()) / 8));
    COHORT_ASSIGN_OR_RETURN(const Value value, FieldArgument(source.substr(at + 1, end - at - 1), arguments, &next));
    COHORT_ASSIGN_OR_RETURN(const std::string piece, Str(value, budget));
    text += piece;
    at = end;
  }
  return budget->String(std::move(text));
}

absl::StatusOr<std::string> ReplaceText(const Replacement& replacement, RenderBudget* budget) {
  const auto [text, old, by, most] = replacement;
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(text.size()) * 4));
  std::string replaced;
  size_t start = 0;
  int64_t count = 0;
  for (size_t search = 0; count != most; ++count) {
    size_t found = FindText(text, old, search);
    if (old.empty() && count > 0) {
      // Between any two characters.
      if (search >= text.size()) break;
      found = search;
      NextCharacter(text, &found);
    }
    if (found == std::string_view::npos) break;
    COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>(found - start + by.size())));
    COHORT_RETURN_IF_ERROR(budget->Step());
    replaced += text.substr(start, found - start);
    replaced += by;
    start = search = found + old.size();
  }
  replaced += text.substr(start);
  return replaced;
}

}  // namespace cohort::model::chat_template
