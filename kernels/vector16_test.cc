// SPDX-License-Identifier: Apache-2.0
#include "kernels/vector16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace cohort::kernels {
namespace {

float Lane(F16 v, int lane) {
  float lanes[16];
  Store16(lanes, v);
  return lanes[lane];
}

double UlpError(float value, double exact) {
  const float nearest = static_cast<float>(exact);
  const float ulp = std::nextafterf(nearest, std::numeric_limits<float>::infinity()) - nearest;
  return std::abs(static_cast<double>(value) - exact) / ulp;
}

TEST(Exp16Test, StaysWithinTwoUnitsInTheLastPlace) {
  double worst = 0;
  for (double x = -87.2; x < 88.2; x += 0.000371) {
    const float input = static_cast<float>(x);
    worst = std::max(worst, UlpError(Lane(Exp16(Splat16(input)), 3), std::exp(static_cast<double>(input))));
  }
  EXPECT_LT(worst, 2.0);
}

TEST(Exp16Test, IsExactAtZeroAndMonotoneNearIt) {
  EXPECT_EQ(Lane(Exp16(F16{}), 0), 1.0f);
  EXPECT_LE(Lane(Exp16(Splat16(-1e-7f)), 0), 1.0f);
}

TEST(Exp16Test, UnderflowsToZeroAndKeepsNan) {
  EXPECT_EQ(Lane(Exp16(Splat16(-std::numeric_limits<float>::infinity())), 0), 0.0f);
  EXPECT_EQ(Lane(Exp16(Splat16(-90.0f)), 0), 0.0f);
  EXPECT_TRUE(std::isnan(Lane(Exp16(Splat16(std::numeric_limits<float>::quiet_NaN())), 0)));
  EXPECT_TRUE(std::isfinite(Lane(Exp16(Splat16(1000.0f)), 0)));
}

TEST(Sum16Test, AddsHalvesInTheStatedOrder) {
  float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = std::pow(-1.7f, static_cast<float>(i));
  float a[8], b[4];
  for (int i = 0; i < 8; ++i) a[i] = lanes[i] + lanes[i + 8];
  for (int i = 0; i < 4; ++i) b[i] = a[i] + a[i + 4];
  EXPECT_EQ(Sum16(Load16(lanes)), (b[0] + b[2]) + (b[1] + b[3]));
}

TEST(LoadFirstTest, ReadsOnlyTheCountedLanes) {
  const float three[3] = {1, 2, 3};
  const F16 v = LoadFirst(three, 3, -1.0f);
  EXPECT_EQ(Lane(v, 2), 3.0f);
  EXPECT_EQ(Lane(v, 3), -1.0f);
  EXPECT_EQ(Lane(KeepFirst(v, 1, 7.0f), 1), 7.0f);
}

}  // namespace
}  // namespace cohort::kernels
