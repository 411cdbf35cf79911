// SPDX-License-Identifier: Apache-2.0
#include "reward/rational.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace cohort::reward {
namespace {

absl::Status TooManyDigits() { return absl::ResourceExhaustedError("a number has more than about 300 digits"); }

}  // namespace

absl::StatusOr<Rational> Rational::Create(BigInteger numerator, BigInteger denominator) {
  if (denominator.IsZero()) return absl::InvalidArgumentError("division by zero");
  // Twice the bound is what one operation on two legal values can make; more is refused before the division below.
  if (std::max(numerator.NumBits(), denominator.NumBits()) > 2 * kMaxBits + 1) return TooManyDigits();
  const BigInteger divisor = BigInteger::Gcd(numerator, denominator);
  if (!(divisor == BigInteger(1))) {
    numerator = BigInteger::Divide(numerator, divisor).quotient;
    denominator = BigInteger::Divide(denominator, divisor).quotient;
  }
  if (std::max(numerator.NumBits(), denominator.NumBits()) > kMaxBits) return TooManyDigits();
  Rational result;
  result.numerator_ = denominator.IsNegative() ? numerator.Negated() : std::move(numerator);
  result.denominator_ = denominator.Magnitude();
  return result;
}

absl::StatusOr<Rational> Rational::Add(const Rational& a, const Rational& b) {
  return Create(a.numerator_ * b.denominator_ + b.numerator_ * a.denominator_, a.denominator_ * b.denominator_);
}

absl::StatusOr<Rational> Rational::Multiply(const Rational& a, const Rational& b) {
  return Create(a.numerator_ * b.numerator_, a.denominator_ * b.denominator_);
}

absl::StatusOr<Rational> Rational::Divide(const Rational& a, const Rational& b) {
  return Create(a.numerator_ * b.denominator_, a.denominator_ * b.numerator_);
}

absl::StatusOr<Rational> Rational::Power(const Rational& base, const Rational& exponent) {
  if (!(exponent.denominator_ == BigInteger(1))) {
    return absl::InvalidArgumentError(absl::StrCat("exponent ", exponent.ToString(), " is not a whole number"));
  }
  if (exponent.numerator_.NumBits() > 11) {
    return absl::ResourceExhaustedError(absl::StrCat("an exponent is larger than ", kMaxExponent));
  }
  const int64_t signed_power = std::strtoll(exponent.numerator_.ToString().c_str(), nullptr, 10);
  const int64_t power = std::abs(signed_power);
  if (power > kMaxExponent) {
    return absl::ResourceExhaustedError(absl::StrCat("an exponent is larger than ", kMaxExponent));
  }
  if (signed_power < 0 && base.numerator_.IsZero()) return absl::InvalidArgumentError("division by zero");
  // A value of b bits to the power p has more than (b-1)*p bits: refused before it is computed.
  const int64_t num_bits = std::max(base.numerator_.NumBits(), base.denominator_.NumBits());
  if (power > 0 && (num_bits - 1) * power > kMaxBits) return TooManyDigits();
  Rational result(1);
  for (int64_t i = 0; i < power; ++i) {  // at most kMaxExponent products of bounded size; coprime parts stay coprime
    result.numerator_ = result.numerator_ * base.numerator_;
    result.denominator_ = result.denominator_ * base.denominator_;
    if (std::max(result.numerator_.NumBits(), result.denominator_.NumBits()) > kMaxBits) return TooManyDigits();
  }
  return signed_power < 0 ? Divide(Rational(1), result) : result;
}

Rational Rational::Negated() const {
  Rational result = *this;
  result.numerator_ = numerator_.Negated();
  return result;
}

std::string Rational::ToString() const {
  if (denominator_ == BigInteger(1)) return numerator_.ToString();
  return absl::StrCat(numerator_.ToString(), "/", denominator_.ToString());
}

}  // namespace cohort::reward
