// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_UNICODE_RANGES_H_
#define COHORT_MODEL_TOKENIZER_UNICODE_RANGES_H_

// Ranges of code points in hexadecimal, "41-5A 61-7A AA ", as PyPI `tokenizers` classifies them. Torch-free; read
// through unicode_classes.h and nfc.h.
namespace cohort::model {

extern const char kLetterRanges[];     // \p{L} in a pattern
extern const char kNumberRanges[];     // \p{N}
extern const char kSpaceRanges[];      // \s
extern const char kOtherWordRanges[];  // what counts as part of a word beside letters: marks, digits, connectors
// Marks and the second halves of compositions that Unicode defined after the version which `tokenizers` normalizes by:
// to it they are characters that neither move nor compose.
extern const char kNewerMarkRanges[];

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_UNICODE_RANGES_H_
