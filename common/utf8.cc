// SPDX-License-Identifier: Apache-2.0
#include "common/utf8.h"

namespace cohort::common {
namespace {

std::string HexEscape(unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

size_t LeadingUtf8Character(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const unsigned char lead = bytes[0];
  if (lead < 0x80) return 1;
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || bytes.size() < size) return 0;
  uint32_t code_point = lead & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    const unsigned char byte = bytes[i];
    if ((byte & 0xC0) != 0x80) return 0;
    code_point = code_point << 6 | (byte & 0x3F);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return code_point < kSmallest[size] || code_point > 0x10FFFF || is_surrogate ? 0 : size;
}

bool IsValidUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t size = LeadingUtf8Character(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

void AppendUtf8(uint32_t c, std::string* text) {
  if (c < 0x80) {
    *text += static_cast<char>(c);
  } else if (c < 0x800) {
    *text += static_cast<char>(0xC0 | c >> 6);
    *text += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *text += static_cast<char>(0xE0 | c >> 12);
    *text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    *text += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    *text += static_cast<char>(0xF0 | c >> 18);
    *text += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    *text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    *text += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool HasC1Control(std::string_view bytes) {
  for (size_t i = 0; i + 1 < bytes.size(); ++i) {
    const unsigned char next = bytes[i + 1];
    if (bytes[i] == '\xC2' && next >= 0x80 && next < 0xA0) return true;
  }
  return false;
}

std::string Printable(std::string_view bytes, size_t max_bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t size = LeadingUtf8Character(bytes);
    const unsigned char lead = bytes[0];
    const bool is_control = size == 1 ? lead < 0x20 || lead == 0x7F : HasC1Control(bytes.substr(0, size));
    const bool keep = size > 0 && !is_control;
    const std::string piece = keep ? std::string(bytes.substr(0, size)) : HexEscape(lead);
    if (text.size() + piece.size() > max_bytes) return text + "...";
    text += piece;
    bytes.remove_prefix(keep ? size : 1);
  }
  return text;
}

}  // namespace cohort::common
