// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/chat_template/filters.h"
#include "model/chat_template/methods.h"
#include "model/chat_template/printf_format.h"
#include "model/chat_template/str_format.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_json.h"
#include "model/chat_template/value_relations.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Result = absl::StatusOr<Value>;

constexpr int64_t kMaxIndent = 1000;
constexpr char kTightSeparator = ',';

// A string stays what it is; other values become their text.
Result SoftText(const Value& input, RenderBudget* budget) {
  if (input.IsString()) return input;
  COHORT_ASSIGN_OR_RETURN(std::string text, Str(input, budget));
  return budget->String(std::move(text));
}

Result CallMethod(const Value& input, const char* name, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const Value text, SoftText(input, budget));
  return FindStringMethod(name)(text, arguments, budget);
}

Result TrimFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return CallMethod(input, "strip", arguments, environment.budget);
}
Result UpperFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return CallMethod(input, "upper", arguments, environment.budget);
}
Result LowerFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return CallMethod(input, "lower", arguments, environment.budget);
}
Result CapitalizeFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return CallMethod(input, "capitalize", arguments, environment.budget);
}
Result CenterFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  Arguments width = arguments;
  if (width.positional.empty() && width.named.empty()) width.positional.push_back(Value::Integer(80));
  return CallMethod(input, "center", width, environment.budget);
}

Result StringFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  return SoftText(input, environment.budget);
}

bool SplitsWords(uint32_t c) { return IsSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<'; }

// Words begin behind white space, dashes and opening brackets, and their first character becomes upper case.
Result TitleFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_ASSIGN_OR_RETURN(const Value value, SoftText(input, environment.budget));
  COHORT_RETURN_IF_ERROR(environment.budget->Scan(static_cast<int64_t>(value.text().size()) * 4));
  const std::string_view text = value.text();
  std::string title;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    if (SplitsWords(NextCharacter(text, &at))) {
      title += text.substr(start, at - start);
      continue;
    }
    title += Upper(text.substr(start, at - start));
    const size_t rest = at;
    for (size_t next = at; at < text.size(); at = next) {
      if (SplitsWords(NextCharacter(text, &next))) break;
    }
    title += Lower(text.substr(rest, at - rest));
  }
  return environment.budget->String(std::move(title));
}

Result ReplaceFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"old", "new", "count"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "old"));
  COHORT_RETURN_IF_ERROR(Require(bound[1], "new"));
  const bool has_count = bound[2] != nullptr && !bound[2]->IsNone();
  COHORT_ASSIGN_OR_RETURN(const int64_t count, IntegerOr(has_count ? bound[2] : nullptr, -1, "count"));
  COHORT_ASSIGN_OR_RETURN(const std::string text, Str(input, budget));
  COHORT_ASSIGN_OR_RETURN(const std::string old, Str(*bound[0], budget));
  COHORT_ASSIGN_OR_RETURN(const std::string by, Str(*bound[1], budget));
  COHORT_ASSIGN_OR_RETURN(std::string replaced, ReplaceText({text, old, by, count}, budget));
  return budget->String(std::move(replaced));
}

Result FormatFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const Value format, SoftText(input, budget));
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    return absl::InvalidArgumentError("takes positional or named arguments, not both");
  }
  if (arguments.named.empty()) return PrintfFormat(format, arguments.positional, Value(), budget);
  std::vector<std::pair<Value, Value>> entries;
  for (const auto& [name, value] : arguments.named) {
    COHORT_ASSIGN_OR_RETURN(Value key, budget->String(name));
    entries.emplace_back(std::move(key), value);
  }
  COHORT_ASSIGN_OR_RETURN(const Value mapping, budget->Dictionary(entries));
  return PrintfFormat(format, {mapping}, mapping, budget);
}

// Spaces, or the text that is given in their place.
absl::StatusOr<std::string> Indentation(const Value* width, int64_t fallback) {
  if (width != nullptr && width->IsString()) return width->text();
  COHORT_ASSIGN_OR_RETURN(const int64_t count, IntegerOr(width, fallback, "an indentation"));
  if (count > kMaxIndent) return absl::ResourceExhaustedError("an indentation is too wide");
  return std::string(static_cast<size_t>(count < 0 ? 0 : count), ' ');
}

Result IndentFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"width", "first", "blank"}));
  COHORT_ASSIGN_OR_RETURN(const std::string indentation, Indentation(bound[0], 4));
  if (input.IsUndefined()) return UndefinedError(input);
  COHORT_ASSIGN_OR_RETURN(const std::string source, TextOr(&input, "", "what is indented"));
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(source.size()) * 4));
  // The last line end is not a line of its own, so one is added.
  const std::string text = absl::StrCat(source, "\n");
  std::string indented;
  bool is_first = true;
  for (const std::string_view line : SplitLines(text, /*keep_ends=*/false)) {
    const bool is_indented = is_first ? TruthOr(bound[1], false) : TruthOr(bound[2], false) || !line.empty();
    COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>(line.size() + indentation.size())));
    absl::StrAppend(&indented, is_first ? "" : "\n", is_indented ? indentation : "",
                    absl::string_view(line.data(), line.size()));
    is_first = false;
  }
  return budget->String(std::move(indented), input.is_markup());
}

absl::Status ReadSeparators(const Value& separators, JsonStyle* style) {
  const bool is_pair = (separators.Is(Value::Kind::kTuple) || separators.Is(Value::Kind::kList)) &&
                       separators.items().size() == 2 && separators.items()[0].IsString() &&
                       separators.items()[1].IsString();
  if (!is_pair) return absl::InvalidArgumentError("separators must be two strings");
  style->item_separator = separators.items()[0].text();
  style->key_separator = separators.items()[1].text();
  return absl::OkStatus();
}

Result ToJsonFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  style.ensure_ascii = TruthOr(bound[0], false);
  if (bound[1] != nullptr && !bound[1]->IsNone()) {
    style.is_indented = true;
    style.item_separator = std::string(1, kTightSeparator);
    COHORT_ASSIGN_OR_RETURN(style.indent, Indentation(bound[1], 0));
  }
  if (bound[2] != nullptr && !bound[2]->IsNone()) COHORT_RETURN_IF_ERROR(ReadSeparators(*bound[2], &style));
  style.sort_keys = TruthOr(bound[3], false);
  COHORT_ASSIGN_OR_RETURN(std::string text, JsonText(input, style, environment.budget));
  return environment.budget->String(std::move(text));
}

Result SafeFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_ASSIGN_OR_RETURN(std::string text, Str(input, environment.budget));
  return environment.budget->String(std::move(text), /*is_markup=*/true);
}

Result EscapeFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.is_markup()) return input;
  COHORT_ASSIGN_OR_RETURN(const std::string text, Str(input, environment.budget));
  COHORT_RETURN_IF_ERROR(environment.budget->Reserve(static_cast<int64_t>(text.size()) * 5));
  return environment.budget->String(HtmlEscaped(text), /*is_markup=*/true);
}

}  // namespace

CallEnvironment::Filter FindTextFilter(std::string_view name) {
  static constexpr std::pair<std::string_view, CallEnvironment::Filter> kFilters[] = {
      {"capitalize", CapitalizeFilter},
      {"center", CenterFilter},
      {"e", EscapeFilter},
      {"escape", EscapeFilter},
      {"format", FormatFilter},
      {"indent", IndentFilter},
      {"lower", LowerFilter},
      {"replace", ReplaceFilter},
      {"safe", SafeFilter},
      {"string", StringFilter},
      {"title", TitleFilter},
      {"tojson", ToJsonFilter},
      {"trim", TrimFilter},
      {"upper", UpperFilter},
  };
  for (const auto& [known, filter] : kFilters) {
    if (known == name) return filter;
  }
  return nullptr;
}

}  // namespace cohort::model::chat_template
