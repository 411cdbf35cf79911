// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/printf_format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

constexpr int kMaxWidth = 1000;

// What Python takes for a mapping here, which need not be used up.
bool IsMappingLike(const Value& value) {
  return value.Is(Value::Kind::kDict) || value.Is(Value::Kind::kList) || value.Is(Value::Kind::kRange) ||
         value.IsUndefined();
}

// One conversion: %(key)flags width .precision letter.
struct Conversion {
  std::string key;
  bool has_key = false;
  std::string flags;
  int width = 0;
  int precision = -1;
  char letter = 0;
};

class PrintfFormatter final {
 public:
  PrintfFormatter(const std::string& format, const std::vector<Value>& arguments, const Value& mapping,
                  RenderBudget* budget)
      : format_(format), arguments_(arguments), mapping_(mapping), budget_(budget) {}

  absl::StatusOr<std::string> Run() {
    std::string text;
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      text += format_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ == format_.size()) break;
      COHORT_ASSIGN_OR_RETURN(const Conversion conversion, ReadConversion());
      if (conversion.letter == '%') {
        if (conversion.width > 0 || !conversion.flags.empty() || conversion.precision >= 0) return Incomplete();
        text += '%';
        continue;
      }
      COHORT_ASSIGN_OR_RETURN(const Value argument, Argument(conversion));
      COHORT_ASSIGN_OR_RETURN(const std::string piece, Convert(conversion, argument));
      COHORT_RETURN_IF_ERROR(budget_->Reserve(static_cast<int64_t>(piece.size())));
      text += piece;
    }
    if (!has_keys_ && num_used_ < arguments_.size() && !IsMappingLike(mapping_)) {
      return absl::InvalidArgumentError("not all arguments are converted by the format");
    }
    return text;
  }

 private:
  absl::Status Incomplete() const { return absl::InvalidArgumentError("the format is incomplete"); }

  absl::StatusOr<int> ReadNumber() {
    int number = 0;
    while (at_ < format_.size() && absl::ascii_isdigit(format_[at_]) && number <= kMaxWidth) {
      number = number * 10 + (format_[at_++] - '0');
    }
    if (number > kMaxWidth) return absl::InvalidArgumentError("a width of the format is too large");
    return number;
  }

  absl::StatusOr<Conversion> ReadConversion() {
    Conversion conversion;
    ++at_;
    if (at_ < format_.size() && format_[at_] == '(') {
      const size_t end = format_.find(')', at_);
      if (end == std::string::npos) return Incomplete();
      conversion.has_key = true;
      conversion.key = format_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
    }
    while (at_ < format_.size() && std::string_view("-+ 0#").find(format_[at_]) != std::string_view::npos) {
      conversion.flags += format_[at_++];
    }
    COHORT_ASSIGN_OR_RETURN(conversion.width, ReadNumber());
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      COHORT_ASSIGN_OR_RETURN(conversion.precision, ReadNumber());
    }
    if (at_ >= format_.size()) return Incomplete();
    conversion.letter = format_[at_++];
    return conversion;
  }

  absl::StatusOr<Value> Argument(const Conversion& conversion) {
    if (!conversion.has_key) {
      if (num_used_ < arguments_.size()) return arguments_[num_used_++];
      return absl::InvalidArgumentError("not enough arguments for the format");
    }
    has_keys_ = true;
    if (!mapping_.Is(Value::Kind::kDict)) return absl::InvalidArgumentError("the format needs a mapping");
    const Dict& dict = mapping_.object<Dict>();
    const auto found = dict.index.find(KeyOfText(conversion.key));
    if (found == dict.index.end()) return absl::InvalidArgumentError("the format names a key that is missing");
    return dict.entries[found->second].second;
  }

  absl::StatusOr<std::string> Convert(const Conversion& conversion, const Value& argument) {
    switch (conversion.letter) {
      case 's':
      case 'r': {
        COHORT_ASSIGN_OR_RETURN(std::string text,
                                conversion.letter == 's' ? Str(argument, budget_) : Repr(argument, budget_));
        return Pad(conversion, std::move(text));
      }
      case 'd':
      case 'i':
      case 'x':
      case 'X':
      case 'o':
        return ConvertInteger(conversion, argument);
      case 'f':
      case 'F':
      case 'e':
      case 'E':
      case 'g':
      case 'G':
        if (!argument.IsNumber()) return absl::InvalidArgumentError("the format needs a number");
        return ConvertFloat(conversion, argument.number());
      default:
        return absl::UnimplementedError("a conversion of the format is not supported");
    }
  }

  static std::string Pad(const Conversion& conversion, std::string text) {
    if (conversion.precision >= 0) {
      size_t size = 0;
      for (int i = 0; i < conversion.precision && size < text.size(); ++i) NextCharacter(text, &size);
      text.resize(size);
    }
    const int64_t missing = conversion.width - NumCharacters(text);
    if (missing <= 0) return text;
    const std::string spaces(static_cast<size_t>(missing), ' ');
    return conversion.flags.find('-') != std::string::npos ? text + spaces : spaces + text;
  }

  static absl::StatusOr<std::string> ConvertInteger(const Conversion& conversion, const Value& argument) {
    const bool is_decimal = conversion.letter == 'd' || conversion.letter == 'i';
    if (!argument.IsNumber() || (!is_decimal && !argument.IsInteger())) {
      return absl::InvalidArgumentError("the format needs an integer");
    }
    const double number = argument.number();
    if (!argument.IsInteger() && !(number > -9e18 && number < 9e18)) {
      return absl::InvalidArgumentError("an integer of more than 64 bits");
    }
    const int64_t value = argument.IsInteger() ? argument.integer() : static_cast<int64_t>(number);
    const uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
    std::string digits = is_decimal                 ? absl::StrCat(magnitude)
                         : conversion.letter == 'o' ? absl::StrFormat("%o", magnitude)
                         : conversion.letter == 'x' ? absl::StrFormat("%x", magnitude)
                                                    : absl::StrFormat("%X", magnitude);
    if (conversion.flags.find('#') != std::string::npos) {
      return absl::UnimplementedError("the flag # of a format is not supported");
    }
    if (static_cast<int>(digits.size()) < conversion.precision) {
      digits.insert(0, conversion.precision - digits.size(), '0');
    }
    return WithSign(conversion, value < 0, std::move(digits));
  }

  static std::string WithSign(const Conversion& conversion, bool is_negative, std::string digits) {
    const auto has = [&](char flag) { return conversion.flags.find(flag) != std::string::npos; };
    const std::string sign = is_negative ? "-" : has('+') ? "+" : has(' ') ? " " : "";
    const int missing = conversion.width - static_cast<int>(sign.size() + digits.size());
    if (missing <= 0) return sign + digits;
    if (has('-')) return sign + digits + std::string(missing, ' ');
    return has('0') ? sign + std::string(missing, '0') + digits : std::string(missing, ' ') + sign + digits;
  }

  static std::string ConvertFloat(const Conversion& conversion, double number) {
    const int precision = conversion.precision < 0 ? 6 : conversion.precision;
    const double magnitude = number < 0 ? -number : number;
    char buffer[1500];
    const char format[] = {'%', '.', '*', conversion.letter, 0};
    const int size = snprintf(buffer, sizeof buffer, format, precision, magnitude);
    return WithSign(conversion, std::signbit(number), std::string(buffer, std::min<size_t>(size, sizeof buffer - 1)));
  }

  const std::string& format_;
  const std::vector<Value>& arguments_;
  const Value& mapping_;
  RenderBudget* budget_;
  size_t at_ = 0;
  size_t num_used_ = 0;
  bool has_keys_ = false;
};

}  // namespace

absl::StatusOr<Value> PrintfFormat(const Value& format, const std::vector<Value>& arguments, const Value& mapping,
                                   RenderBudget* budget) {
  if (format.is_markup()) return absl::UnimplementedError("formatting a text marked as safe is not supported");
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(format.text().size())));
  COHORT_ASSIGN_OR_RETURN(std::string text, PrintfFormatter(format.text(), arguments, mapping, budget).Run());
  return budget->String(std::move(text));
}

}  // namespace cohort::model::chat_template
