// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_UTF8_H_
#define COHORT_COMMON_UTF8_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cohort::common {

// Untrusted bytes as text for an error or a log: valid UTF-8 stays, control characters and broken UTF-8 become \xNN,
// and what would exceed `max_bytes` is cut at a character and ends in "...".
std::string Printable(std::string_view bytes, size_t max_bytes);

// Bytes of the valid UTF-8 character that `bytes` starts with, 1 to 4; 0 if there is none. Overlong forms, surrogates
// and code points above U+10FFFF are not valid.
size_t LeadingUtf8Character(std::string_view bytes);

bool IsValidUtf8(std::string_view bytes);

struct Utf8Character {
  uint32_t code_point;
  uint32_t size;  // bytes
};

// The character at `at` < text.size(), where a character starts; `text` must be UTF-8. Inline: it is called for every
// character that is tokenized.
inline Utf8Character Utf8CharacterAt(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[at + i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0) return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

// The same for a text that may be cut, or at an end that may be passed (`at` <= text.size()): nothing behind the text
// is read, missing bytes count as 0, and `size` stays within it.
inline Utf8Character BoundedUtf8CharacterAt(std::string_view text, size_t at) {
  constexpr size_t kLongest = 4;
  if (text.size() - at >= kLongest) return Utf8CharacterAt(text, at);
  char rest[kLongest] = {};
  text.copy(rest, kLongest, at);
  Utf8Character character = Utf8CharacterAt({rest, kLongest}, 0);
  character.size = std::min(character.size, static_cast<uint32_t>(text.size() - at));
  return character;
}

// Appends the UTF-8 of a code point below U+200000.
void AppendUtf8(uint32_t code_point, std::string* text);

// Whether there is a control character U+0080 to U+009F: valid UTF-8 that some terminals obey.
bool HasC1Control(std::string_view bytes);

}  // namespace cohort::common

#endif  // COHORT_COMMON_UTF8_H_
