// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_UTF8_H_
#define COHORT_MODEL_TOKENIZER_UTF8_H_

// What tokenizers need beyond common/utf8.h. Torch-free.
#include <cstddef>
#include <string>
#include <string_view>

#include "common/utf8.h"

namespace cohort::model {

// Offset of the first byte that is not part of a well-formed character; text.size() when there is none.
size_t FindInvalidUtf8(std::string_view text);

// Each broken sequence becomes one U+FFFD ("substitution of maximal subparts", as Rust's from_utf8_lossy).
std::string ReplaceInvalidUtf8(std::string_view text);

// Bytes at the end of `text` that begin a character and could still become one, 0 to 3.
size_t UnfinishedUtf8Length(std::string_view text);

using common::Utf8Character;
using common::Utf8CharacterAt;

// The character that ends before `end` > 0; `text` must be UTF-8.
inline Utf8Character Utf8CharacterBefore(std::string_view text, size_t end) {
  size_t at = end - 1;
  while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return Utf8CharacterAt(text, at);
}

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_UTF8_H_
