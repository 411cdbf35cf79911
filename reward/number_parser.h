// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_NUMBER_PARSER_H_
#define COHORT_REWARD_NUMBER_PARSER_H_

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"
#include "reward/rational.h"

namespace cohort::reward {

// A number at the front of a text and how many bytes it took.
struct ScannedNumber {
  Rational value;
  size_t num_bytes = 0;
};

// Reads an unsigned decimal number at the front of `text`: digits, thousands separators in groups of three, a fraction
// part, an exponent ("1,234.50", ".5", "3.", "1.5e3"). INVALID_ARGUMENT when there is none; RESOURCE_EXHAUSTED beyond
// 300 digits or an exponent beyond 300.
absl::StatusOr<ScannedNumber> ScanNumber(std::string_view text);

// The whole of `text` as one number: the above with a sign, a currency sign, a fraction ("3/4", "\frac{3}{4}"), "%" or
// a unit after it (unit_text.h: "$1,234.50", "-3/4", "18%", "18 dollars", "60 km/h"); units and currencies are ignored,
// so 18% equals 18. `text` is normalised here (math_text.h). Errors as above, with the text.
absl::StatusOr<Rational> ParseNumber(std::string_view text);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_NUMBER_PARSER_H_
