// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/utf8.h"

namespace cohort::model {
namespace {

struct Lead {
  size_t length;            // 0: not a lead byte
  unsigned char low, high;  // range of the second byte
};

Lead LeadOf(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

size_t Utf8CharacterLength(std::string_view text, size_t* broken) {
  const Lead lead = LeadOf(static_cast<unsigned char>(text[0]));
  *broken = 1;
  if (lead.length <= 1) return lead.length;
  for (size_t i = 1; i < lead.length; ++i) {
    const auto byte = i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
    const bool fits = i == 1 ? byte >= lead.low && byte <= lead.high : byte >= 0x80 && byte <= 0xBF;
    if (!fits) return 0;
    *broken = i + 1;
  }
  return lead.length;
}

size_t FindInvalidUtf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t broken;
    const size_t length = Utf8CharacterLength(text.substr(at), &broken);
    if (length == 0) return at;
    at += length;
  }
  return at;
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    size_t broken;
    const size_t length = Utf8CharacterLength(text, &broken);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
      text.remove_prefix(broken);
    } else {
      valid += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return valid;
}

std::string EncodeShortUtf8(uint32_t code_point) {
  if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
  return {static_cast<char>(0xC0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 0x3F))};
}

}  // namespace cohort::model
