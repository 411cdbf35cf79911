// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/number_text.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/ascii.h"
#include "model/chat_template/unicode.h"

namespace cohort::model::chat_template {
namespace {

// Without underscores, each of which must stand between two digits.
std::optional<std::string> WithoutUnderscores(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
      continue;
    }
    const bool is_between =
        i > 0 && i + 1 < text.size() && absl::ascii_isalnum(text[i - 1]) && absl::ascii_isalnum(text[i + 1]);
    if (!is_between) return std::nullopt;
  }
  return digits;
}

int64_t BaseOfPrefix(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  const char letter = absl::ascii_tolower(digits[1]);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
}

}  // namespace

std::optional<int64_t> IntegerFromText(std::string_view text, int64_t base) {
  text = Strip(text, StripSide::kBoth);
  const bool is_negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const int64_t prefixed = BaseOfPrefix(text);
  if (prefixed != 10 && (base == 0 || base == prefixed)) {
    base = prefixed;
    text.remove_prefix(2);
    if (!text.empty() && text[0] == '_') text.remove_prefix(1);
  } else if (base == 0) {
    base = 10;
    if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != std::string_view::npos)
      return std::nullopt;
  }
  const auto digits = WithoutUnderscores(text);
  if (!digits.has_value() || digits->empty() || !absl::ascii_isalnum((*digits)[0])) return std::nullopt;
  int64_t value = 0;
  const std::string number = (is_negative ? "-" : "") + *digits;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value, static_cast<int>(base));
  if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size()) return std::nullopt;
  return value;
}

std::optional<double> FloatFromText(std::string_view text) {
  text = Strip(text, StripSide::kBoth);
  const bool is_negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const double sign = is_negative ? -1 : 1;
  const std::string lower = absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
  if (lower == "inf" || lower == "infinity") return sign * std::numeric_limits<double>::infinity();
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  const auto digits = WithoutUnderscores(lower);
  if (!digits.has_value() || digits->empty() || !(absl::ascii_isdigit((*digits)[0]) || (*digits)[0] == '.')) {
    return std::nullopt;
  }
  double value = 0;
  const char* const end = digits->data() + digits->size();
  const auto parsed = std::from_chars(digits->data(), end, value);
  if (parsed.ptr != end) return std::nullopt;
  if (parsed.ec == std::errc::result_out_of_range) {
    const size_t e = digits->find("e-");
    return sign * (e == std::string::npos ? std::numeric_limits<double>::infinity() : 0.0);
  }
  return parsed.ec == std::errc() ? std::optional<double>(sign * value) : std::nullopt;
}

}  // namespace cohort::model::chat_template
