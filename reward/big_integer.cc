// SPDX-License-Identifier: Apache-2.0
#include "reward/big_integer.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace cohort::reward {

BigInteger::BigInteger(int64_t value) : is_negative_(value < 0) {
  uint64_t magnitude = is_negative_ ? ~static_cast<uint64_t>(value) + 1 : static_cast<uint64_t>(value);
  for (; magnitude != 0; magnitude >>= 32) limbs_.push_back(static_cast<uint32_t>(magnitude));
}

BigInteger BigInteger::FromDigits(std::string_view digits) {
  BigInteger result;
  for (size_t at = 0; at < digits.size();) {  // nine digits at a time fit one limb
    const size_t size = std::min<size_t>(9, digits.size() - at);
    uint32_t chunk = 0;
    uint32_t scale = 1;
    for (const char digit : digits.substr(at, size)) {
      chunk = chunk * 10 + static_cast<uint32_t>(digit - '0');
      scale *= 10;
    }
    result.MultiplyAddSmall(scale, chunk);
    at += size;
  }
  return result;
}

BigInteger BigInteger::PowerOfTen(int exponent) {
  BigInteger result(1);
  for (; exponent >= 9; exponent -= 9) result.MultiplyAddSmall(1000000000, 0);
  for (; exponent > 0; --exponent) result.MultiplyAddSmall(10, 0);
  return result;
}

int64_t BigInteger::NumBits() const {
  if (limbs_.empty()) return 0;
  return static_cast<int64_t>(limbs_.size()) * 32 - std::countl_zero(limbs_.back());
}

BigInteger BigInteger::Negated() const {
  BigInteger result = *this;
  result.is_negative_ = !is_negative_ && !IsZero();
  return result;
}

BigInteger BigInteger::Magnitude() const { return is_negative_ ? Negated() : *this; }

std::string BigInteger::ToString() const {
  if (IsZero()) return "0";
  BigInteger rest = *this;
  std::string reversed;
  while (!rest.IsZero()) {
    uint32_t chunk = rest.DivideSmall(1000000000);
    for (int i = 0; i < 9 && (chunk != 0 || !rest.IsZero()); ++i, chunk /= 10) {
      reversed.push_back(static_cast<char>('0' + chunk % 10));
    }
  }
  if (is_negative_) reversed.push_back('-');
  return std::string(reversed.rbegin(), reversed.rend());
}

BigInteger operator+(const BigInteger& a, const BigInteger& b) {
  BigInteger result;
  if (a.is_negative_ == b.is_negative_) {
    result.limbs_ = BigInteger::AddMagnitude(a.limbs_, b.limbs_);
    result.is_negative_ = a.is_negative_;
  } else {
    const bool a_is_larger = BigInteger::CompareMagnitude(a.limbs_, b.limbs_) >= 0;
    const BigInteger& larger = a_is_larger ? a : b;
    result.limbs_ = larger.limbs_;
    BigInteger::SubtractMagnitude(a_is_larger ? b.limbs_ : a.limbs_, &result.limbs_);
    result.is_negative_ = larger.is_negative_;
  }
  result.Trim();
  return result;
}

BigInteger operator*(const BigInteger& a, const BigInteger& b) {
  BigInteger result;
  result.limbs_.assign(a.limbs_.size() + b.limbs_.size(), 0);
  for (size_t i = 0; i < a.limbs_.size(); ++i) {
    uint64_t carry = 0;
    for (size_t j = 0; j < b.limbs_.size(); ++j) {
      carry += uint64_t{a.limbs_[i]} * b.limbs_[j] + result.limbs_[i + j];
      result.limbs_[i + j] = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    result.limbs_[i + b.limbs_.size()] = static_cast<uint32_t>(carry);
  }
  result.is_negative_ = a.is_negative_ != b.is_negative_;
  result.Trim();
  return result;
}

// Shift and subtract, one bit of the quotient at a time; the bits above the quotient's are taken over in one go.
BigInteger::Division BigInteger::Divide(const BigInteger& a, const BigInteger& b) {
  const int64_t num_quotient_bits = std::max<int64_t>(0, a.NumBits() - b.NumBits() + 1);
  BigInteger rest;
  rest.limbs_ = ShiftRight(a.limbs_, num_quotient_bits);
  BigInteger quotient;
  quotient.limbs_.assign((num_quotient_bits + 31) / 32, 0);
  for (int64_t bit = num_quotient_bits - 1; bit >= 0; --bit) {
    rest.MultiplyAddSmall(2, (a.limbs_[bit / 32] >> (bit % 32)) & 1);
    if (CompareMagnitude(rest.limbs_, b.limbs_) < 0) continue;
    SubtractMagnitude(b.limbs_, &rest.limbs_);
    rest.Trim();
    quotient.limbs_[bit / 32] |= uint32_t{1} << (bit % 32);
  }
  quotient.is_negative_ = a.is_negative_ != b.is_negative_;
  quotient.Trim();
  rest.is_negative_ = a.is_negative_;
  rest.Trim();
  return {std::move(quotient), std::move(rest)};
}

BigInteger BigInteger::Gcd(BigInteger a, BigInteger b) {
  a = a.Magnitude();
  b = b.Magnitude();
  while (!b.IsZero()) {
    if (a.limbs_.size() == 1 && b.limbs_.size() == 1) {  // the usual case: grade-school numbers
      uint32_t x = a.limbs_[0];
      uint32_t y = b.limbs_[0];
      while (y != 0) x = std::exchange(y, x % y);
      return BigInteger(x);
    }
    BigInteger remainder = Divide(a, b).remainder;
    a = std::move(b);
    b = std::move(remainder);
  }
  return a;
}

int BigInteger::CompareMagnitude(const Limbs& a, const Limbs& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = a.size(); i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

BigInteger::Limbs BigInteger::AddMagnitude(const Limbs& a, const Limbs& b) {
  Limbs sum(std::max(a.size(), b.size()) + 1);
  uint64_t carry = 0;
  for (size_t i = 0; i < sum.size(); ++i) {
    carry += (i < a.size() ? uint64_t{a[i]} : 0) + (i < b.size() ? b[i] : 0);
    sum[i] = static_cast<uint32_t>(carry);
    carry >>= 32;
  }
  return sum;
}

void BigInteger::SubtractMagnitude(const Limbs& smaller, Limbs* larger) {
  int64_t borrow = 0;
  for (size_t i = 0; i < larger->size() && (i < smaller.size() || borrow != 0); ++i) {
    int64_t value = int64_t{(*larger)[i]} - (i < smaller.size() ? smaller[i] : 0) - borrow;
    borrow = value < 0 ? 1 : 0;
    if (borrow != 0) value += int64_t{1} << 32;
    (*larger)[i] = static_cast<uint32_t>(value);
  }
}

BigInteger::Limbs BigInteger::ShiftRight(const Limbs& a, int64_t num_bits) {
  const size_t num_limbs = static_cast<size_t>(num_bits / 32);
  if (num_limbs >= a.size()) return {};
  Limbs shifted(a.begin() + num_limbs, a.end());
  const int shift = static_cast<int>(num_bits % 32);
  for (size_t i = 0; i < shifted.size() && shift != 0; ++i) {
    const uint64_t upper = i + 1 < shifted.size() ? shifted[i + 1] : 0;
    shifted[i] = static_cast<uint32_t>((upper << 32 | shifted[i]) >> shift);
  }
  while (!shifted.empty() && shifted.back() == 0) shifted.pop_back();
  return shifted;
}

void BigInteger::MultiplyAddSmall(uint32_t factor, uint32_t addend) {
  uint64_t carry = addend;
  for (uint32_t& limb : limbs_) {
    carry += uint64_t{limb} * factor;
    limb = static_cast<uint32_t>(carry);
    carry >>= 32;
  }
  if (carry != 0) limbs_.push_back(static_cast<uint32_t>(carry));
}

uint32_t BigInteger::DivideSmall(uint32_t divisor) {
  uint64_t rest = 0;
  for (size_t i = limbs_.size(); i-- > 0;) {
    rest = (rest << 32) | limbs_[i];
    limbs_[i] = static_cast<uint32_t>(rest / divisor);
    rest %= divisor;
  }
  Trim();
  return static_cast<uint32_t>(rest);
}

void BigInteger::Trim() {
  while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
  if (limbs_.empty()) is_negative_ = false;
}

}  // namespace cohort::reward
