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

// UTF-8 of a code point below U+0800.
std::string EncodeShortUtf8(uint32_t code_point);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_UTF8_H_
