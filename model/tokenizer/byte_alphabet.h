// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_BYTE_ALPHABET_H_
#define COHORT_MODEL_TOKENIZER_BYTE_ALPHABET_H_

// Torch-free.
#include <optional>
#include <string>
#include <string_view>

namespace cohort::model {

// GPT-2's printable stand-ins for bytes: printable Latin-1 stands for itself, the other 68 bytes are U+0100 onwards in
// rising order. Vocabularies of byte-level BPE are written in it.
std::string ToByteAlphabet(std::string_view bytes);

// The way back; nothing when a character is not of the alphabet. `text` is UTF-8.
std::optional<std::string> FromByteAlphabet(std::string_view text);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_BYTE_ALPHABET_H_
