// SPDX-License-Identifier: Apache-2.0
#include "reward/answer_extraction.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "reward/score.h"

namespace cohort::reward {
namespace {

constexpr std::string_view kBoxed = "\\boxed{";
constexpr std::string_view kHashMarker = "####";
// Minus sign, en dash, full-width hyphen-minus; dollar, euro, pound, yen, rupee.
constexpr std::string_view kMinuses[] = {"-", "\xe2\x88\x92", "\xe2\x80\x93", "\xef\xbc\x8d"};
constexpr std::string_view kCurrencies[] = {"$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "\xe2\x82\xb9"};
constexpr std::string_view kSpace = " \t\r\n\f\v";

bool IsDigit(char byte) { return absl::ascii_isdigit(static_cast<unsigned char>(byte)); }

// Where the number that ends before `end` starts: digits, and separators between digits or before the first one.
size_t NumberStart(std::string_view text, size_t end) {
  size_t start = end;
  while (start > 0) {
    const char byte = text[start - 1];
    const bool is_separator = byte == '.' || byte == ',' || byte == '/';
    const bool is_joined =
        is_separator && IsDigit(text[start]) && (byte == '.' || (start > 1 && IsDigit(text[start - 2])));
    if (!IsDigit(byte) && !is_joined) break;
    --start;
  }
  return start;
}

// "1,234.5/7" is one number, "1,2,3" a list: keeps what follows the last separator that cannot be inside a number.
size_t SkipListItems(std::string_view text, size_t start, size_t end) {
  size_t num_digits = 0;  // since the separator to the right
  bool has_slash = false;
  bool has_point = false;
  for (size_t at = end; at-- > start;) {
    const char byte = text[at];
    if (IsDigit(byte)) {
      ++num_digits;
      continue;
    }
    const bool is_inside = byte == ',' ? num_digits == 3 : byte == '.' ? !has_point : !has_slash;
    if (!is_inside) return at + 1;
    has_slash = has_slash || byte == '/';
    has_point = byte == '.' || (has_point && byte != '/');
    num_digits = 0;
  }
  return start;
}

// "1.5e-3" is one number: where its mantissa ends, or `end` if no exponent ends there.
size_t MantissaEnd(std::string_view text, size_t end) {
  size_t at = end;
  while (at > 0 && IsDigit(text[at - 1])) --at;
  if (at > 0 && (text[at - 1] == '-' || text[at - 1] == '+')) --at;
  const bool has_exponent = at > 1 && (text[at - 1] == 'e' || text[at - 1] == 'E') && IsDigit(text[at - 2]);
  return has_exponent ? at - 1 : end;
}

// Bytes of the one of `spellings` that `text` ends with; 0 if there is none.
template <size_t kSize>
size_t EndsWithOneOf(std::string_view text, const std::string_view (&spellings)[kSize]) {
  for (const std::string_view spelling : spellings) {
    if (text.size() >= spelling.size() && text.substr(text.size() - spelling.size()) == spelling)
      return spelling.size();
  }
  return 0;
}

// Takes a currency sign and a minus in front into the number; a minus after a letter, digit or bracket is an operator.
size_t IncludeSign(std::string_view text, size_t start) {
  const size_t at = start - EndsWithOneOf(text.substr(0, start), kCurrencies);
  const size_t minus = at - EndsWithOneOf(text.substr(0, at), kMinuses);
  if (minus == at) return at;
  const char before = minus > 0 ? text[minus - 1] : ' ';
  const bool is_operator = absl::ascii_isalnum(static_cast<unsigned char>(before)) || before == ')' || before == '}';
  return is_operator ? at : minus;
}

}  // namespace

absl::StatusOr<std::string_view> TextAfterLastMarker(std::string_view text, std::string_view marker) {
  const size_t at = text.rfind(marker);
  if (at == std::string_view::npos)
    return absl::NotFoundError(absl::StrCat("no marker ", Quoted(marker), " in the completion"));
  const std::string_view rest = text.substr(at + marker.size());
  return rest.substr(0, rest.find('\n'));
}

absl::StatusOr<std::string_view> LastBoxed(std::string_view text, bool* has_box) {
  const size_t at = text.rfind(kBoxed);
  if (has_box != nullptr) *has_box = at != std::string_view::npos;
  if (at == std::string_view::npos) return absl::NotFoundError("no \\boxed{...} in the completion");
  const std::string_view rest = text.substr(at + kBoxed.size());
  int depth = 1;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '{') ++depth;
    if (rest[i] == '}' && --depth == 0) return rest.substr(0, i);
  }
  return absl::NotFoundError("the last \\boxed{ has no closing bracket");
}

absl::StatusOr<std::string_view> LastNumber(std::string_view text) {
  const size_t last = text.find_last_of("0123456789");
  if (last == std::string_view::npos) return absl::NotFoundError("no number in the completion");
  const size_t mantissa_end = MantissaEnd(text, last + 1);
  const size_t start = SkipListItems(text, NumberStart(text, mantissa_end), mantissa_end);
  const size_t first = IncludeSign(text, start);
  return text.substr(first, last + 1 - first);
}

absl::StatusOr<std::string_view> LastLine(std::string_view text) {
  const size_t end = text.find_last_not_of(kSpace);
  if (end == std::string_view::npos) return absl::NotFoundError("the completion is blank");
  text = text.substr(0, end + 1);
  const size_t newline = text.rfind('\n');
  if (newline != std::string_view::npos) text.remove_prefix(newline + 1);
  text.remove_prefix(text.find_first_not_of(kSpace));
  return text;
}

absl::StatusOr<std::string_view> ExtractAnswer(std::string_view text, std::string_view marker) {
  if (!marker.empty()) return TextAfterLastMarker(text, marker);
  bool has_box = false;
  absl::StatusOr<std::string_view> boxed = LastBoxed(text, &has_box);
  if (has_box) return boxed;
  if (text.find(kHashMarker) != std::string_view::npos) return TextAfterLastMarker(text, kHashMarker);
  return LastNumber(text);
}

}  // namespace cohort::reward
