// SPDX-License-Identifier: Apache-2.0
#include "kernels/fused16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace cohort::kernels {
namespace {

uint32_t Bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

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
    EXPECT_EQ(Bits(Fused(a, b, c)), Bits(expected)) << a << " * " << b << " + " << c;
  }
}

// This test is compiled for the baseline, which has no such instruction: attention_test compares the others with it.
TEST(MultiplyAddTest, RoundsOnceForRandomBits) {
  std::mt19937 random(1);
  for (int i = 0; i < 300'000; ++i) {
    float values[3];
    for (float& value : values) {
      const uint32_t bits = random();
      std::memcpy(&value, &bits, sizeof(value));
    }
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

// Twice rounded, 1 + 2^-23 + (2^-24 - a little) would become even at the half-way point of float.
TEST(MultiplyAddTest, RoundsOnceBesideHalfwayPoints) {
  const float step = std::ldexp(1.0f, -23);
  for (const float one : {1.0f, 1.0f + step, 1.0f + 2 * step}) {
    for (const int exponent : {-24, -25}) {
      for (const float tiny : {0.0f, std::ldexp(1.0f, -90), -std::ldexp(1.0f, -90)}) {
        const float half = std::ldexp(1.0f, exponent);
        ExpectFused(one, 1.0f, half + tiny);
        ExpectFused(half, 1.0f + step, one);
        ExpectFused(half, 1.0f - step, one);
        ExpectFused(-half, 1.0f - step, one);
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
