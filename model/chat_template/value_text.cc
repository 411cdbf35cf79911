// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/value_text.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/unicode.h"

namespace cohort::model::chat_template {
namespace {

// Appends under the budget: shared items can print far longer than they are.
class Printer final {
 public:
  explicit Printer(RenderBudget* budget) : budget_(budget) {}

  absl::Status Print(const Value& value) {
    COHORT_RETURN_IF_ERROR(budget_->Step());
    switch (value.kind()) {
      case Value::Kind::kString:
        return PrintString(value);
      case Value::Kind::kList:
        return PrintItems("[", value.items(), "]");
      case Value::Kind::kTuple:
        return PrintItems("(", value.items(), value.items().size() == 1 ? ",)" : ")");
      case Value::Kind::kView:
        COHORT_RETURN_IF_ERROR(Append(absl::StrCat(value.object<Items>().view, "(")));
        return PrintItems("[", value.items(), "])");
      case Value::Kind::kDict:
        return PrintDict(value.object<Dict>());
      case Value::Kind::kRange:
        return PrintRange(value.object<Range>());
      default:
        return PrintScalar(value);
    }
  }

  std::string Take() { return std::move(text_); }

 private:
  absl::Status Append(std::string_view text) {
    COHORT_RETURN_IF_ERROR(budget_->Reserve(static_cast<int64_t>(text.size())));
    text_ += text;
    return absl::OkStatus();
  }

  absl::Status PrintString(const Value& value) {
    COHORT_RETURN_IF_ERROR(budget_->Scan(static_cast<int64_t>(value.text().size())));
    const std::string quoted = QuotedText(value.text());
    return Append(value.is_markup() ? absl::StrCat("Markup(", quoted, ")") : quoted);
  }

  absl::Status PrintScalar(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kNone:
        return Append("None");
      case Value::Kind::kUndefined:
        return Append("Undefined");
      case Value::Kind::kBool:
        return Append(value.integer() != 0 ? "True" : "False");
      case Value::Kind::kInteger:
        return Append(absl::StrCat(value.integer()));
      case Value::Kind::kFloat:
        return Append(FloatText(value.number()));
      default:
        return absl::UnimplementedError(absl::StrCat("printing a ", TypeName(value), " is not supported"));
    }
  }

  absl::Status PrintItems(std::string_view open, const std::vector<Value>& items, std::string_view close) {
    COHORT_RETURN_IF_ERROR(Append(open));
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) COHORT_RETURN_IF_ERROR(Append(", "));
      COHORT_RETURN_IF_ERROR(Print(items[i]));
    }
    return Append(close);
  }

  absl::Status PrintDict(const Dict& dict) {
    COHORT_RETURN_IF_ERROR(Append("{"));
    for (size_t i = 0; i < dict.entries.size(); ++i) {
      if (i > 0) COHORT_RETURN_IF_ERROR(Append(", "));
      COHORT_RETURN_IF_ERROR(Print(dict.entries[i].first));
      COHORT_RETURN_IF_ERROR(Append(": "));
      COHORT_RETURN_IF_ERROR(Print(dict.entries[i].second));
    }
    return Append("}");
  }

  absl::Status PrintRange(const Range& range) {
    return Append(absl::StrCat("range(", range.start, ", ", range.stop,
                               range.step == 1 ? "" : absl::StrCat(", ", range.step), ")"));
  }

  RenderBudget* budget_;
  std::string text_;
};

}  // namespace

absl::StatusOr<std::string> Str(const Value& value, RenderBudget* budget) {
  if (value.IsUndefined()) return std::string();
  if (value.IsString()) {
    COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(value.text().size())));
    COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>(value.text().size())));
    return value.text();
  }
  return Repr(value, budget);
}

absl::StatusOr<std::string> Repr(const Value& value, RenderBudget* budget) {
  Printer printer(budget);
  COHORT_RETURN_IF_ERROR(printer.Print(value));
  return printer.Take();
}

std::string FloatText(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  const std::string_view scientific(buffer, end - buffer);
  const size_t e = scientific.find('e');
  int exponent = 0;
  std::from_chars(scientific.data() + e + (scientific[e + 1] == '+' ? 2 : 1), end, exponent);
  const std::string sign = scientific[0] == '-' ? "-" : "";
  std::string digits;
  for (const char c : scientific.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  const int num_digits = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    const std::string fraction = num_digits > 1 ? "." + digits.substr(1) : "";
    return sign + digits.substr(0, 1) + fraction + absl::StrFormat("e%+03d", exponent);
  }
  if (exponent < 0) return sign + "0." + std::string(-exponent - 1, '0') + digits;
  if (exponent + 1 >= num_digits) return sign + digits + std::string(exponent + 1 - num_digits, '0') + ".0";
  return sign + digits.substr(0, exponent + 1) + "." + digits.substr(exponent + 1);
}

std::string QuotedText(std::string_view text) {
  const bool is_double = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = is_double ? '"' : '\'';
  std::string quoted(1, quote);
  for (size_t at = 0; at < text.size();) {
    const uint32_t c = NextCharacter(text, &at);
    if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (c == '\\' || c == static_cast<unsigned char>(quote)) {
      quoted += '\\';
      quoted += static_cast<char>(c);
    } else if (IsPrintable(c)) {
      common::AppendUtf8(c, &quoted);
    } else if (c <= 0xFF) {
      quoted += absl::StrFormat("\\x%02x", c);
    } else {
      quoted += c <= 0xFFFF ? absl::StrFormat("\\u%04x", c) : absl::StrFormat("\\U%08x", c);
    }
  }
  return quoted + quote;
}

std::string HtmlEscaped(std::string_view text) {
  return absl::StrReplaceAll(absl::string_view(text.data(), text.size()),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"'", "&#39;"}, {"\"", "&#34;"}});
}

}  // namespace cohort::model::chat_template
