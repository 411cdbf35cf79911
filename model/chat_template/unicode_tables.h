// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_UNICODE_TABLES_H_
#define COHORT_MODEL_CHAT_TEMPLATE_UNICODE_TABLES_H_

#include <cstdint>

#include "absl/types/span.h"

namespace cohort::model::chat_template {

// Characters first, first + stride, ..., last map to themselves + delta.
struct CaseRun {
  uint32_t first;
  uint32_t last;
  int32_t delta;
  uint32_t stride;
};

// A character that maps to a text of its own.
struct CaseSpecial {
  uint32_t character;
  const char* text;
};

struct CharacterRange {
  uint32_t first;
  uint32_t last;
};

// Python's tables, each in ascending order. Constant and thread-safe.
absl::Span<const CaseRun> LowerRuns();
absl::Span<const CaseRun> UpperRuns();
// Upper case of more than one character.
absl::Span<const CaseSpecial> LongUppers();
// Title case that is not the upper case.
absl::Span<const CaseSpecial> OwnTitles();
// What repr() escapes.
absl::Span<const CharacterRange> UnprintableRanges();

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_UNICODE_TABLES_H_
