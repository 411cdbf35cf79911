// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_UTF8_H_
#define COHORT_MODEL_TOKENIZER_UTF8_H_

// What tokenizers need beyond common/utf8.h. Torch-free.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cohort::model {

// Offset of the first byte that is not part of a well-formed character; text.size() when there is none.
size_t FindInvalidUtf8(std::string_view text);

// Each broken sequence becomes one U+FFFD ("substitution of maximal subparts", as Rust's from_utf8_lossy).
std::string ReplaceInvalidUtf8(std::string_view text);

// Bytes at the end of `text` that begin a character and could still become one, 0 to 3.
size_t UnfinishedUtf8Length(std::string_view text);

// UTF-8 of a code point below U+0800.
std::string EncodeShortUtf8(uint32_t code_point);

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

// The character that ends before `end` > 0; `text` must be UTF-8.
inline Utf8Character Utf8CharacterBefore(std::string_view text, size_t end) {
  size_t at = end - 1;
  while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return Utf8CharacterAt(text, at);
}

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_UTF8_H_
