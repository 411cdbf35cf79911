// SPDX-License-Identifier: Apache-2.0
#include "kernels/fused16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#if defined(__FMA__)
#error \
    "Compile this for the baseline, which has no such instruction: attention_test compares the other targets with it."
#endif

namespace cohort::kernels {
namespace {

float Fused(float a, float b, float c) {
  float lanes[16];
  Store16(lanes, MultiplyAdd(Splat16(a), b, Splat16(c)));
  return lanes[5];
}

void ExpectFused(float a, float b, float c) {
  const float expected = std::fma(a, b, c);
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(Fused(a, b, c))) << a << " * " << b << " + " << c;
  } else {
    EXPECT_EQ(std::bit_cast<uint32_t>(Fused(a, b, c)), std::bit_cast<uint32_t>(expected))
        << a << " * " << b << " + " << c;
  }
}

TEST(MultiplyAddTest, RoundsOnceForRandomBits) {
  std::mt19937 random(1);
  for (int i = 0; i < 300'000; ++i) {
    float values[3];
    for (float& value : values) value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    ExpectFused(values[0], values[1], values[2]);
  }
}

TEST(MultiplyAddTest, RoundsOnceWhereTheAddendNearlyCancelsTheProduct) {
  std::mt19937 random(2);
  std::uniform_real_distribution<float> number(-2, 2);
  for (int i = 0; i < 300'000; ++i) {
    const float a = number(random), b = number(random);
    ExpectFused(a, b, -a * b);
    ExpectFused(a, b, std::nextafterf(-a * b, 3));
    ExpectFused(a, b, std::ldexp(number(random), static_cast<int>(random() % 60) - 30));
  }
}

// The product is half-way between two floats, where 2^-70 decides: it is lost when the sum is rounded to double first.
TEST(MultiplyAddTest, RoundsOnceBesideHalfwayPoints) {
  const float e = std::ldexp(1.0f, -12), tiny = std::ldexp(1.0f, -70);
  for (const float sign : {1.0f, -1.0f}) {
    for (const float b : {1 + e, 1 + 3 * e}) {  // of the neighbours the lower one is even; the upper one
      const double product = static_cast<double>(sign * (1 + e)) * static_cast<double>(b);
      EXPECT_EQ(Fused(sign * (1 + e), b, 0), static_cast<float>(product)) << "to the even one";
      for (const float addend : {tiny, -tiny}) {
        EXPECT_EQ(static_cast<double>(Fused(sign * (1 + e), b, addend)) > product, addend > 0);
        ExpectFused(sign * (1 + e), b, addend);
      }
    }
  }
}

TEST(MultiplyAddTest, KeepsSignsOfZeroAndTheSpecialNumbers) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float least = std::numeric_limits<float>::denorm_min(), most = std::numeric_limits<float>::max();
  const std::vector<float> numbers = {0.0f,   -0.0f, 1.0f,  -1.0f,    0.5f,      least,
                                      -least, most,  -most, infinity, -infinity, nan};
  for (const float a : numbers) {
    for (const float b : numbers) {
      for (const float c : numbers) ExpectFused(a, b, c);
    }
  }
}

}  // namespace
}  // namespace cohort::kernels
