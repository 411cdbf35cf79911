// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/string_literal.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/unicode.h"

namespace cohort::model::chat_template {
namespace {

constexpr std::string_view kNamed = "abfnrtv\\'\"";
constexpr std::string_view kNamedCharacters = "\a\b\f\n\r\t\v\\'\"";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return absl::ascii_tolower(c) - 'a' + 10;
}

// \xhh, \uhhhh, \Uhhhhhhhh: `*at` is behind the letter and moves behind the digits.
absl::Status AppendHex(std::string_view literal, size_t num_digits, size_t* at, std::string* text) {
  uint32_t character = 0;
  for (size_t i = 0; i < num_digits; ++i, ++*at) {
    if (*at >= literal.size() || !absl::ascii_isxdigit(literal[*at])) {
      return absl::InvalidArgumentError(absl::StrCat("an escape in a string needs ", num_digits, " hex digits"));
    }
    character = character << 4 | static_cast<uint32_t>(HexValue(literal[*at]));
  }
  if (character > 0x10FFFF || (character >= 0xD800 && character < 0xE000)) {
    return absl::InvalidArgumentError(absl::StrFormat("an escape in a string is no character (%x)", character));
  }
  common::AppendUtf8(character, text);
  return absl::OkStatus();
}

// Up to three digits.
void AppendOctal(std::string_view literal, size_t* at, std::string* text) {
  uint32_t character = 0;
  const size_t end = std::min(literal.size(), *at + 3);
  while (*at < end && literal[*at] >= '0' && literal[*at] <= '7') character = character * 8 + (literal[(*at)++] - '0');
  common::AppendUtf8(character, text);
}

// Before unicode-escape sees a character that is not ASCII, it has become an escape itself, so that a backslash before
// it escapes that one's backslash.
void AppendEscapedWide(std::string_view literal, size_t* at, std::string* text) {
  const uint32_t c = NextCharacter(literal, at);
  *text += c <= 0xFF     ? absl::StrFormat("\\x%02x", c)
           : c <= 0xFFFF ? absl::StrFormat("\\u%04x", c)
                         : absl::StrFormat("\\U%08x", c);
}

// `*at` is at the character behind the backslash.
absl::Status AppendEscape(std::string_view literal, size_t* at, std::string* text) {
  const char c = literal[*at];
  if (static_cast<unsigned char>(c) >= 0x80) {
    AppendEscapedWide(literal, at, text);
    return absl::OkStatus();
  }
  if (c >= '0' && c <= '7') {
    AppendOctal(literal, at, text);
    return absl::OkStatus();
  }
  ++*at;
  if (c == 'x' || c == 'u' || c == 'U') return AppendHex(literal, c == 'x' ? 2 : c == 'u' ? 4 : 8, at, text);
  if (c == 'N') return absl::InvalidArgumentError("the escape \\N in a string is not supported");
  const size_t named = kNamed.find(c);
  if (named != std::string_view::npos) {
    *text += kNamedCharacters[named];
  } else if (c != '\n') {  // an escaped line end is no text
    *text += '\\';
    *text += c;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> Unescape(std::string_view literal) {
  std::string text;
  for (size_t at = 0; at < literal.size();) {
    if (literal[at] != '\\') {
      text += literal[at++];
      continue;
    }
    ++at;
    if (at >= literal.size()) return absl::InvalidArgumentError("a string ends in a backslash");
    COHORT_RETURN_IF_ERROR(AppendEscape(literal, &at, &text));
  }
  return text;
}

}  // namespace cohort::model::chat_template
