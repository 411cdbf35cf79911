// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_BIG_INTEGER_H_
#define COHORT_REWARD_BIG_INTEGER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cohort::reward {

// An integer of any size, kept small by its only user, Rational, which bounds the bits after every operation.
// Schoolbook algorithms: for a few hundred digits nothing quicker pays. A value type.
class BigInteger final {
 public:
  BigInteger() = default;  // 0
  explicit BigInteger(int64_t value);
  // `digits` must be ASCII digits only; empty is 0.
  static BigInteger FromDigits(std::string_view digits);
  static BigInteger PowerOfTen(int exponent);

  bool IsZero() const { return limbs_.empty(); }
  bool IsNegative() const { return is_negative_; }
  // Bits of the magnitude; 0 for 0.
  int64_t NumBits() const;
  BigInteger Negated() const;
  BigInteger Magnitude() const;
  std::string ToString() const;

  friend BigInteger operator+(const BigInteger& a, const BigInteger& b);
  friend BigInteger operator-(const BigInteger& a, const BigInteger& b) { return a + b.Negated(); }
  friend BigInteger operator*(const BigInteger& a, const BigInteger& b);
  friend bool operator==(const BigInteger& a, const BigInteger& b) = default;

  struct Division;  // quotient and remainder
  // Truncates towards zero; the remainder has the sign of `a`. `b` must not be 0.
  static Division Divide(const BigInteger& a, const BigInteger& b);
  // Never negative; Gcd(0, 0) is 0.
  static BigInteger Gcd(BigInteger a, BigInteger b);

 private:
  using Limbs = std::vector<uint32_t>;  // least significant first, no leading zeros
  static int CompareMagnitude(const Limbs& a, const Limbs& b);
  static Limbs AddMagnitude(const Limbs& a, const Limbs& b);
  // *larger -= smaller
  static void SubtractMagnitude(const Limbs& smaller, Limbs* larger);
  static Limbs ShiftRight(const Limbs& a, int64_t num_bits);
  void MultiplyAddSmall(uint32_t factor, uint32_t addend);
  uint32_t DivideSmall(uint32_t divisor);  // returns the remainder
  void Trim();

  bool is_negative_ = false;  // never true for 0
  Limbs limbs_;
};

struct BigInteger::Division {
  BigInteger quotient;
  BigInteger remainder;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_BIG_INTEGER_H_
