// SPDX-License-Identifier: Apache-2.0
#include "reward/rational.h"

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

Rational Fraction(int64_t numerator, int64_t denominator) {
  return Rational::Create(BigInteger(numerator), BigInteger(denominator)).value();
}

TEST(RationalTest, FractionsAreInLowestTermsWithPositiveDenominator) {
  EXPECT_EQ(Fraction(6, -8).ToString(), "-3/4");
  EXPECT_EQ(Fraction(10, 5).ToString(), "2");
  EXPECT_EQ(Fraction(0, -3), Rational(0));
}

TEST(RationalTest, ArithmeticIsExact) {
  EXPECT_EQ(Rational::Add(Fraction(1, 10), Fraction(2, 10)).value(), Fraction(3, 10));
  EXPECT_EQ(Rational::Subtract(Fraction(1, 3), Fraction(1, 2)).value(), Fraction(-1, 6));
  EXPECT_EQ(Rational::Multiply(Fraction(2, 3), Fraction(3, 4)).value(), Fraction(1, 2));
  EXPECT_EQ(Rational::Divide(Fraction(-2, 3), Fraction(-4, 3)).value(), Fraction(1, 2));
  EXPECT_EQ(Rational::Power(Fraction(-2, 3), Rational(-3)).value(), Fraction(-27, 8));
  EXPECT_EQ(Rational::Power(Rational(0), Rational(0)).value(), Rational(1));
}

TEST(RationalTest, DivisionByZeroIsInvalidArgument) {
  EXPECT_TRUE(absl::IsInvalidArgument(Rational::Divide(Rational(1), Rational(0)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Rational::Power(Rational(0), Rational(-1)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Rational::Power(Rational(4), Fraction(1, 2)).status()));
}

TEST(RationalTest, ValuesBeyondTheBitLimitAreResourceExhausted) {
  const Rational largest_power = Rational::Power(Rational(2), Rational(1023)).value();
  EXPECT_TRUE(absl::IsResourceExhausted(Rational::Add(largest_power, largest_power).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Rational::Multiply(largest_power, largest_power).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Rational::Power(Rational(2), Rational(1024)).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Rational::Power(Rational(1), largest_power).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Rational::Power(Rational(9), Rational(387420489)).status()));
  EXPECT_EQ(Rational::Divide(largest_power, largest_power).value(), Rational(1));
}

}  // namespace
}  // namespace cohort::reward
