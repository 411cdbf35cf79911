// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_EXPRESSION_H_
#define COHORT_REWARD_EXPRESSION_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "reward/rational.h"

namespace cohort::reward {

// What an expression may cost. Deterministic: a text is within them everywhere or nowhere.
struct ExpressionLimits {
  int max_bytes = 4096;
  int max_depth = 64;  // brackets, exponents and fractions inside one another
  int max_operations = 256;
  bool allow_power = true;  // ^ and **
};

// What was found and spent; filled as far as the evaluation came, whatever it returned.
struct ExpressionTrace {
  std::vector<Rational> literals;  // every number written, in order, without its sign
  int num_operations = 0;
  int max_depth = 0;
  int num_bytes_read = 0;
};

// Evaluates + - * / ^ (also **), unary signs and (), [], {} exactly; \frac{a}{b} and the spellings of math_text.h are
// understood, multiplication is always written. ^ binds tighter than a sign in front of it and to the right: -2^2 is
// -4, 2^3^2 is 2^9. INVALID_ARGUMENT: malformed, or division by zero. RESOURCE_EXHAUSTED: over a limit here or of
// Rational. `trace` may be null.
absl::StatusOr<Rational> EvaluateExpression(std::string_view text, const ExpressionLimits& limits,
                                            ExpressionTrace* trace);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_EXPRESSION_H_
