// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_ANSWER_EXTRACTION_H_
#define COHORT_REWARD_ANSWER_EXTRACTION_H_

#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::reward {

// Where a completion says its answer. All return views into the argument, take time linear in it, and accept any bytes.
// NOT_FOUND says in one sentence what was missing.

// The text after the last occurrence of `marker`, up to the end of the line.
absl::StatusOr<std::string_view> TextAfterLastMarker(std::string_view text, std::string_view marker);

// The content of the last \boxed{...}; brackets inside are balanced. A last one without its closing bracket is
// NOT_FOUND, whatever came before: the completion ended in the middle of its answer. `has_box` (may be null) tells the
// two apart.
absl::StatusOr<std::string_view> LastBoxed(std::string_view text, bool* has_box);

// The last number with its sign, currency sign, separators, fraction and exponent ("-$1,234.50", "3/4", "1.5e-3").
absl::StatusOr<std::string_view> LastNumber(std::string_view text);

// The last line that is not blank, without the white space around it.
absl::StatusOr<std::string_view> LastLine(std::string_view text);

// The answer of a completion: after `marker` if one is given, else LastBoxed, else after "####", else LastNumber.
absl::StatusOr<std::string_view> ExtractAnswer(std::string_view text, std::string_view marker);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_ANSWER_EXTRACTION_H_
