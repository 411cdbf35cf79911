// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_MATH_TEXT_H_
#define COHORT_REWARD_MATH_TEXT_H_

#include <string>
#include <string_view>

namespace cohort::reward {

// The longest answer that is looked at; longer ones are over the limit.
inline constexpr int kMaxAnswerBytes = 4096;

// One spelling for what models write in many: unicode minus, times and division signs, non-breaking spaces, LaTeX
// operators and spaces (\times, \cdot, \div, \left, \right, \!, \, ...) and \text{...} become plain ASCII, \dfrac{a}{b}
// and \frac12 become \frac{.}{.}; leading and trailing white space, surrounding $...$, \(...\), **...** or `...` and a
// trailing full stop go. Linear in the text but for unclosed \text{; any bytes are fine.
std::string NormalizeMathText(std::string_view text);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_MATH_TEXT_H_
