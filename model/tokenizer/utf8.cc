// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/utf8.h"

#include <algorithm>

#include "common/utf8.h"

namespace cohort::model {
namespace {

using common::LeadingUtf8Character;

// Bytes of the longest prefix that could begin a character, at least 1; `text` does not start with a whole one. Which
// bytes may follow the second is the same for all characters, so a prefix of two or three could go on as one if it does
// with the smallest of them.
size_t BrokenLength(std::string_view text) {
  for (size_t length = std::min<size_t>(3, text.size()); length > 1; --length) {
    if (LeadingUtf8Character(std::string(text.substr(0, length)) + "\x80\x80") > length) return length;
  }
  return 1;
}

}  // namespace

size_t FindInvalidUtf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = LeadingUtf8Character(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return at;
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    size_t length = LeadingUtf8Character(text);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
      length = BrokenLength(text);
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return valid;
}

std::string EncodeShortUtf8(uint32_t code_point) {
  if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
  return {static_cast<char>(0xC0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 0x3F))};
}

}  // namespace cohort::model
