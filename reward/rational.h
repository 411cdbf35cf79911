// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_RATIONAL_H_
#define COHORT_REWARD_RATIONAL_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "reward/big_integer.h"

namespace cohort::reward {

// An exact fraction in lowest terms, denominator positive. Operations whose result would have a numerator or
// denominator of more than kMaxBits bits (about 300 digits) are RESOURCE_EXHAUSTED, before the work is done where it
// would be large; division by zero is INVALID_ARGUMENT. The limits depend on the values alone, so they are the same
// everywhere. A value type.
class Rational final {
 public:
  static constexpr int64_t kMaxBits = 1024;
  static constexpr int64_t kMaxExponent = 1024;

  Rational() : denominator_(1) {}  // 0
  explicit Rational(int64_t value) : numerator_(value), denominator_(1) {}
  static absl::StatusOr<Rational> Create(BigInteger numerator, BigInteger denominator);

  static absl::StatusOr<Rational> Add(const Rational& a, const Rational& b);
  static absl::StatusOr<Rational> Subtract(const Rational& a, const Rational& b) { return Add(a, b.Negated()); }
  static absl::StatusOr<Rational> Multiply(const Rational& a, const Rational& b);
  static absl::StatusOr<Rational> Divide(const Rational& a, const Rational& b);
  // Whole exponents of at most kMaxExponent; others are INVALID_ARGUMENT (not whole) or RESOURCE_EXHAUSTED. 0^0 is 1.
  static absl::StatusOr<Rational> Power(const Rational& base, const Rational& exponent);

  Rational Negated() const;
  // "7", "-3/4".
  std::string ToString() const;
  friend bool operator==(const Rational& a, const Rational& b) = default;

 private:
  BigInteger numerator_;
  BigInteger denominator_;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_RATIONAL_H_
