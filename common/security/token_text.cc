// SPDX-License-Identifier: Apache-2.0
#include "common/security/token_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace cohort::security {
namespace {

constexpr size_t kMaxCharacters = 512;
constexpr size_t kMinBits = 128;
constexpr size_t kBitsPerHexDigit = 4;
constexpr size_t kBitsPerCharacter = 6;

bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("-._~+/").find(c) != std::string_view::npos;
}

}  // namespace

absl::Status CheckTokenText(std::string_view token) {
  std::string_view body = token;
  while (!body.empty() && body.back() == '=') body.remove_suffix(1);
  bool is_hex = true;
  for (const char c : body) {
    if (!IsTokenCharacter(c)) {
      return absl::InvalidArgumentError("token: has a character other than letters, digits and - . _ ~ + /");
    }
    is_hex = is_hex && absl::ascii_isxdigit(static_cast<unsigned char>(c));
  }
  if (token.size() > kMaxCharacters) {
    return absl::InvalidArgumentError(absl::StrCat("token: must have at most 512 characters (", token.size(), ")"));
  }
  const size_t num_bits = body.size() * (is_hex ? kBitsPerHexDigit : kBitsPerCharacter);
  if (num_bits >= kMinBits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("token: is too short for 128 bits: 32 hex digits or 22 other characters (", body.size(), ")"));
}

}  // namespace cohort::security
