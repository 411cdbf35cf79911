// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_UNICODE_CLASSES_H_
#define COHORT_MODEL_TOKENIZER_UNICODE_CLASSES_H_

// Torch-free.
#include <cstdint>

namespace cohort::model {

// What a code point is to a tokenizer, as bits. The versions of Unicode are those of PyPI `tokenizers` 0.23.
inline constexpr uint8_t kLetter = 1;      // \p{L}
inline constexpr uint8_t kNumber = 2;      // \p{N}
inline constexpr uint8_t kSpace = 4;       // \s
inline constexpr uint8_t kNewline = 8;     // \r and \n; they are kSpace too
inline constexpr uint8_t kWord = 16;       // \w where single_word asks for it
inline constexpr uint8_t kNewerMark = 32;  // stays where it is under NFC, see unicode_ranges.h

// The bits of every code point up to U+10FFFF, 1 MiB, built at the first call and never freed. Thread-safe.
const uint8_t* UnicodeClassTable();

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_UNICODE_CLASSES_H_
