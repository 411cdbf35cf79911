// SPDX-License-Identifier: Apache-2.0
#include "kernels/square_sum.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/random_floats.h"
#include "kernels/thread_parallel_for.h"

namespace cohort::kernels {
namespace {

double Sum(const std::vector<float>& values, const CpuExecution& cpu = {}) {
  return SquareSum(static_cast<int64_t>(values.size()), values.data(), cpu);
}

TEST(SquareSumTest, MatchesTheSumInLongDouble) {
  for (const int64_t count : {0, 1, 15, 16, 17, 16384, 16385, 100003}) {
    const std::vector<float> values = RandomFloats(count, 3, 0.1f);
    long double expected = 0;
    for (const float value : values) expected += static_cast<long double>(value) * value;
    EXPECT_NEAR(Sum(values), static_cast<double>(expected), 1e-12 * static_cast<double>(expected)) << count;
  }
}

TEST(SquareSumTest, EveryInstructionSetAndNumberOfThreadsGivesTheSameBits) {
  const std::vector<float> values = RandomFloats(400003, 4, 1.0f);
  const double expected = Sum(values, CpuTarget::kBaseline);
  for (const CpuTarget target : SupportedCpuTargets()) {
    for (const int64_t num_threads : {1, 2, 3, 5}) {
      EXPECT_EQ(Sum(values, {target, ThreadParallelFor(num_threads)}), expected)
          << num_threads << " threads, " << CpuTargetName(target);
    }
  }
}

TEST(SquareSumTest, LargeNumbersDoNotOverflowAndNumbersThatAreNotFiniteShow) {
  const double largest = std::numeric_limits<float>::max();
  EXPECT_EQ(Sum(std::vector<float>(4, std::numeric_limits<float>::max())), 4 * largest * largest);
  for (const float odd : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    for (const int place : {0, 15, 20, 35}) {
      std::vector<float> values(36, 1.0f);
      values[place] = odd;
      EXPECT_FALSE(std::isfinite(Sum(values))) << place;
    }
  }
}

}  // namespace
}  // namespace cohort::kernels
