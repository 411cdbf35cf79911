// SPDX-License-Identifier: Apache-2.0
#include "reward/big_integer.h"

#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

std::string ToString(__int128 value) {
  const bool is_negative = value < 0;
  unsigned __int128 rest = is_negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  return is_negative ? "-" + digits : digits;
}

TEST(BigIntegerTest, SmallArithmeticAgreesWithTheMachine) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const int64_t a = static_cast<int64_t>(random()) >> (random() % 64);
    const int64_t b = static_cast<int64_t>(random()) >> (random() % 64);
    const BigInteger x(a);
    const BigInteger y(b);
    EXPECT_EQ((x + y).ToString(), ToString(static_cast<__int128>(a) + b));
    EXPECT_EQ((x - y).ToString(), ToString(static_cast<__int128>(a) - b));
    EXPECT_EQ((x * y).ToString(), ToString(static_cast<__int128>(a) * b));
    if (b == 0) continue;
    const BigInteger::Division division = BigInteger::Divide(x, y);
    EXPECT_EQ(division.quotient.ToString(), ToString(static_cast<__int128>(a) / b));
    EXPECT_EQ(division.remainder.ToString(), ToString(static_cast<__int128>(a) % b));
  }
}

TEST(BigIntegerTest, LargeDivisionIsTheInverseOfMultiplication) {
  std::mt19937_64 random(2);
  const auto number = [&random](int num_digits) {
    std::string digits;
    for (int i = 0; i < num_digits; ++i) digits.push_back(static_cast<char>('0' + random() % 10));
    return BigInteger::FromDigits(digits);
  };
  for (int i = 0; i < 500; ++i) {
    const BigInteger a = number(1 + static_cast<int>(random() % 300));
    const BigInteger b = number(1 + static_cast<int>(random() % 300)) + BigInteger(1);
    const BigInteger::Division division = BigInteger::Divide(a, b);
    EXPECT_EQ(division.quotient * b + division.remainder, a);
    EXPECT_TRUE((division.remainder - b).IsNegative());
    EXPECT_TRUE(BigInteger::Divide(a * b, b).remainder.IsZero());
  }
}

TEST(BigIntegerTest, GcdDividesBothAndLeavesCoprimes) {
  const BigInteger common = BigInteger::FromDigits("1234567891011121314151617181920");
  const BigInteger gcd = BigInteger::Gcd(common * BigInteger(-35), common * BigInteger(22));
  EXPECT_EQ(gcd, common);
  EXPECT_EQ(BigInteger::Gcd(BigInteger(0), BigInteger(-5)), BigInteger(5));
  for (int64_t a = 1; a < 60; ++a) {
    for (int64_t b = 1; b < 60; ++b)
      EXPECT_EQ(BigInteger::Gcd(BigInteger(a), BigInteger(b)), BigInteger(std::gcd(a, b)));
  }
}

TEST(BigIntegerTest, DecimalTextRoundTrips) {
  for (const std::string digits :
       {"0", "7", "1000000000", "999999999", "18446744073709551616", "100000000000000000000000000000000000000001"}) {
    EXPECT_EQ(BigInteger::FromDigits(digits).ToString(), digits);
  }
  EXPECT_EQ(BigInteger::FromDigits("000").ToString(), "0");
  EXPECT_EQ(BigInteger(std::numeric_limits<int64_t>::min()).ToString(), "-9223372036854775808");
  EXPECT_EQ(BigInteger::PowerOfTen(20).ToString(), "100000000000000000000");
}

TEST(BigIntegerTest, ZeroIsNeverNegative) {
  EXPECT_FALSE((BigInteger(-5) + BigInteger(5)).IsNegative());
  EXPECT_FALSE((BigInteger(-5) * BigInteger(0)).IsNegative());
  EXPECT_FALSE(BigInteger(0).Negated().IsNegative());
  EXPECT_EQ(BigInteger(0).NumBits(), 0);
  EXPECT_EQ(BigInteger(256).NumBits(), 9);
}

}  // namespace
}  // namespace cohort::reward
