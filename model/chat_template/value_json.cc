// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/value_json.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

void AppendEscaped(uint32_t c, bool ensure_ascii, std::string* text) {
  constexpr std::string_view kPlain = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNamed = "\"\\bfnrt";
  const size_t named = c < 0x80 ? kPlain.find(static_cast<char>(c)) : std::string_view::npos;
  if (named != std::string_view::npos) {
    text->append({'\\', kNamed[named]});
  } else if (c < 0x20 || (ensure_ascii && c > 0x7E && c <= 0xFFFF)) {
    *text += absl::StrFormat("\\u%04x", c);
  } else if (ensure_ascii && c > 0xFFFF) {
    *text += absl::StrFormat("\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + ((c - 0x10000) & 0x3FF));
  } else {
    common::AppendUtf8(c, text);
  }
}

std::string JsonQuoted(std::string_view text, bool ensure_ascii) {
  std::string quoted = "\"";
  for (size_t at = 0; at < text.size();) AppendEscaped(NextCharacter(text, &at), ensure_ascii, &quoted);
  return quoted + "\"";
}

std::string JsonFloat(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return FloatText(number);
}

class JsonWriter final {
 public:
  JsonWriter(const JsonStyle& style, RenderBudget* budget) : style_(style), budget_(budget) {}

  absl::Status Write(const Value& value) {
    COHORT_RETURN_IF_ERROR(budget_->Step());
    switch (value.kind()) {
      case Value::Kind::kList:
      case Value::Kind::kTuple:
        return WriteItems(value.items());
      case Value::Kind::kDict:
        return WriteDict(value.object<Dict>());
      default: {
        COHORT_ASSIGN_OR_RETURN(const std::string text, Scalar(value));
        return Append(text);
      }
    }
  }

  std::string Take() { return std::move(text_); }

 private:
  absl::Status Append(std::string_view text) {
    COHORT_RETURN_IF_ERROR(budget_->Scan(static_cast<int64_t>(text.size())));
    COHORT_RETURN_IF_ERROR(budget_->Reserve(static_cast<int64_t>(text.size())));
    text_ += text;
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Scalar(const Value& value) const {
    switch (value.kind()) {
      case Value::Kind::kNone:
        return std::string("null");
      case Value::Kind::kBool:
        return std::string(value.integer() != 0 ? "true" : "false");
      case Value::Kind::kInteger:
        return absl::StrCat(value.integer());
      case Value::Kind::kFloat:
        return JsonFloat(value.number());
      case Value::Kind::kString:
        return JsonQuoted(value.text(), style_.ensure_ascii);
      default:
        return absl::InvalidArgumentError(
            absl::StrCat("object of type ", TypeName(value), " is not JSON serializable"));
    }
  }

  absl::StatusOr<std::string> KeyText(const Value& key) const {
    if (key.IsString()) return JsonQuoted(key.text(), style_.ensure_ascii);
    if (key.IsNumber() || key.IsNone()) {
      COHORT_ASSIGN_OR_RETURN(const std::string text, Scalar(key));
      return absl::StrCat("\"", text, "\"");
    }
    return absl::InvalidArgumentError(absl::StrCat("a JSON key must not be a ", TypeName(key)));
  }

  absl::Status BreakLine() {
    if (!style_.is_indented) return absl::OkStatus();
    COHORT_RETURN_IF_ERROR(Append("\n"));
    for (int i = 0; i < level_; ++i) COHORT_RETURN_IF_ERROR(Append(style_.indent));
    return absl::OkStatus();
  }

  absl::Status WriteItems(const std::vector<Value>& items) {
    if (items.empty()) return Append("[]");
    COHORT_RETURN_IF_ERROR(Append("["));
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) COHORT_RETURN_IF_ERROR(Append(style_.item_separator));
      COHORT_RETURN_IF_ERROR(BreakLine());
      COHORT_RETURN_IF_ERROR(Write(items[i]));
    }
    --level_;
    COHORT_RETURN_IF_ERROR(BreakLine());
    return Append("]");
  }

  absl::StatusOr<std::vector<const std::pair<Value, Value>*>> Ordered(const Dict& dict) const {
    std::vector<const std::pair<Value, Value>*> entries;
    bool all_text = true;
    for (const auto& entry : dict.entries) {
      entries.push_back(&entry);
      all_text = all_text && entry.first.IsString();
    }
    if (!style_.sort_keys) return entries;
    if (!all_text) return absl::UnimplementedError("sort_keys is supported for keys that are strings");
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto* a, const auto* b) { return a->first.text() < b->first.text(); });
    return entries;
  }

  absl::Status WriteDict(const Dict& dict) {
    if (dict.entries.empty()) return Append("{}");
    COHORT_ASSIGN_OR_RETURN(const auto entries, Ordered(dict));
    COHORT_RETURN_IF_ERROR(Append("{"));
    ++level_;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) COHORT_RETURN_IF_ERROR(Append(style_.item_separator));
      COHORT_RETURN_IF_ERROR(BreakLine());
      COHORT_ASSIGN_OR_RETURN(const std::string key, KeyText(entries[i]->first));
      COHORT_RETURN_IF_ERROR(Append(key));
      COHORT_RETURN_IF_ERROR(Append(style_.key_separator));
      COHORT_RETURN_IF_ERROR(Write(entries[i]->second));
    }
    --level_;
    COHORT_RETURN_IF_ERROR(BreakLine());
    return Append("}");
  }

  const JsonStyle& style_;
  RenderBudget* budget_;
  int level_ = 0;
  std::string text_;
};

}  // namespace

absl::StatusOr<std::string> JsonText(const Value& value, const JsonStyle& style, RenderBudget* budget) {
  JsonWriter writer(style, budget);
  COHORT_RETURN_IF_ERROR(writer.Write(value));
  return writer.Take();
}

}  // namespace cohort::model::chat_template
