// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/utf8.h"

#include <algorithm>
#include <cstring>

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

// Past bytes below 0x80, eight at a time.
size_t SkipAscii(std::string_view text, size_t at) {
  uint64_t bytes;
  while (at + sizeof(bytes) <= text.size()) {
    std::memcpy(&bytes, text.data() + at, sizeof(bytes));
    if ((bytes & 0x8080808080808080) != 0) break;
    at += sizeof(bytes);
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

size_t FindInvalidUtf8(std::string_view text) {
  size_t at = 0;
  while ((at = SkipAscii(text, at)) < text.size()) {
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

size_t UnfinishedUtf8Length(std::string_view text) {
  for (size_t length = 1; length <= std::min<size_t>(3, text.size()); ++length) {
    const std::string_view end = text.substr(text.size() - length);
    const auto lead = static_cast<unsigned char>(end[0]);
    if ((lead & 0xC0) == 0x80) continue;
    const bool starts_longer_one = lead >= 0xC2 && lead <= 0xF4 && LeadingUtf8Character(end) == 0;
    return starts_longer_one && BrokenLength(end) == length ? length : 0;
  }
  return 0;
}

}  // namespace cohort::model
