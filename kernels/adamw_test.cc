// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/random_floats.h"
#include "kernels/thread_parallel_for.h"

namespace cohort::kernels {
namespace {

using ::testing::Contains;
using ::testing::Gt;

struct State {
  std::vector<float> param, exp_avg, exp_avg_sq;
  std::vector<uint16_t> param_bf16;

  explicit State(std::vector<float> start)
      : param(std::move(start)), exp_avg(param.size()), exp_avg_sq(param.size()), param_bf16(param.size()) {}

  // Everything from `first` on.
  AdamWArrays Arrays(const std::vector<float>& grad, int64_t first = 0) {
    return {&param[first], &grad[first], &exp_avg[first], &exp_avg_sq[first], &param_bf16[first]};
  }

  bool operator==(const State&) const = default;
};

AdamWSettings Settings(int64_t step) {
  return {.learning_rate = 1e-2,
          .beta1 = 0.9,
          .beta2 = 0.95,
          .epsilon = 1e-8,
          .weight_decay = 0.1,
          .gradient_scale = 0.37,
          .step = step};
}

State RunSteps(int64_t count, const CpuExecution& cpu, int64_t num_steps = 20) {
  State s(RandomFloats(count, 1, 1.0f));
  for (int64_t step = 1; step <= num_steps; ++step) {
    const std::vector<float> grad = RandomFloats(count, 100 + static_cast<uint32_t>(step), 0.1f);
    AdamWStep(Settings(step), count, s.Arrays(grad), cpu);
  }
  return s;
}

TEST(AdamWTest, MatchesDoubleReference) {
  const int64_t count = 1003;
  std::vector<float> start = RandomFloats(count, 1, 1.0f);
  std::vector<double> param(start.begin(), start.end()), m(count), v(count);
  for (int64_t step = 1; step <= 20; ++step) {
    const std::vector<float> grad = RandomFloats(count, 100 + static_cast<uint32_t>(step), 0.1f);
    const AdamWSettings s = Settings(step);
    for (int64_t i = 0; i < count; ++i) {
      const double g = grad[i] * s.gradient_scale;
      param[i] *= 1 - s.learning_rate * s.weight_decay;
      m[i] = s.beta1 * m[i] + (1 - s.beta1) * g;
      v[i] = s.beta2 * v[i] + (1 - s.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(s.beta1, step)), v_hat = v[i] / (1 - std::pow(s.beta2, step));
      param[i] -= s.learning_rate * m_hat / (std::sqrt(v_hat) + s.epsilon);
    }
  }
  const State result = RunSteps(count, BestCpuTarget());
  for (int64_t i = 0; i < count; ++i) {
    ASSERT_NEAR(result.param[i], param[i], 2e-6) << i;
    ASSERT_NEAR(result.exp_avg[i], m[i], 1e-7) << i;
    ASSERT_NEAR(result.exp_avg_sq[i], v[i], 1e-8) << i;
  }
}

TEST(AdamWTest, EveryInstructionSetGivesTheSameBits) {
  const State expected = RunSteps(1003, CpuTarget::kBaseline);
  for (const CpuTarget target : SupportedCpuTargets()) {
    EXPECT_TRUE(RunSteps(1003, target) == expected) << CpuTargetName(target);
  }
}

TEST(AdamWTest, NumberOfThreadsAndOrderOfThePartsChangeNoBit) {
  constexpr int64_t kCount = 100003;
  const State expected = RunSteps(kCount, CpuTarget::kBaseline, /*num_steps=*/2);
  for (const CpuTarget target : SupportedCpuTargets()) {
    for (const int64_t num_threads : {1, 2, 3, 5}) {
      EXPECT_TRUE(RunSteps(kCount, {target, ThreadParallelFor(num_threads)}, /*num_steps=*/2) == expected)
          << num_threads << " threads, " << CpuTargetName(target);
    }
  }
  std::vector<int64_t> counts;
  EXPECT_TRUE(RunSteps(kCount, {BestCpuTarget(), BackwardParallelFor(&counts)}, /*num_steps=*/2) == expected);
  EXPECT_THAT(counts, Contains(Gt(1))) << "nothing was shared out";
}

TEST(AdamWTest, SplittingTheArrayChangesNothing) {
  const int64_t count = 1003;
  const std::vector<float> grad = RandomFloats(count, 2, 0.1f);
  State whole(RandomFloats(count, 1, 1.0f));
  State parts = whole;
  AdamWStep(Settings(1), count, whole.Arrays(grad));
  for (int64_t start = 0, size = 0; start < count; start += size) {
    size = std::min<int64_t>(17, count - start);
    AdamWStep(Settings(1), size, parts.Arrays(grad, start));
  }
  EXPECT_TRUE(whole == parts);
}

float FromBf16(uint16_t value) { return std::bit_cast<float>(uint32_t{value} << 16); }

// A learning rate of 0 leaves the parameters as they are, so that each can be chosen.
std::vector<uint16_t> Cast(const std::vector<float>& values, CpuTarget target) {
  State state(values);
  const std::vector<float> grad(values.size());
  AdamWStep({.learning_rate = 0}, static_cast<int64_t>(values.size()), state.Arrays(grad), target);
  return state.param_bf16;
}

TEST(AdamWTest, CastRoundsToNearestEven) {
  const std::vector<std::pair<uint32_t, uint16_t>> cases = {
      {0x3f800000, 0x3f80}, {0x3f807fff, 0x3f80}, {0x3f808000, 0x3f80},  // a tie, to even: down
      {0x3f808001, 0x3f81}, {0x3f818000, 0x3f82},                        // a tie, to even: up
      {0xbf818000, 0xbf82}, {0x80000000, 0x8000}, {0x7f7fffff, 0x7f80},  // past the largest: infinity
      {0x7f800000, 0x7f80}, {0xff800000, 0xff80}, {0x7f800001, 0x7fc0},  // NaN stays NaN
      {0xffffffff, 0x7fc0}, {0x007fffff, 0x0080},                        // subnormal, rounded up to normal
  };
  std::vector<float> values;
  for (const auto& [bits, expected] : cases) values.push_back(std::bit_cast<float>(bits));
  for (const CpuTarget target : SupportedCpuTargets()) {
    const std::vector<uint16_t> got = Cast(values, target);
    for (size_t i = 0; i < cases.size(); ++i) {
      EXPECT_EQ(got[i], cases[i].second) << std::hex << cases[i].first << ", " << CpuTargetName(target);
    }
  }
}

TEST(AdamWTest, CastIsOfTheNewParametersAndLeavesThemAsTheyAreWithoutIt) {
  State with = RunSteps(1003, BestCpuTarget()), without(RandomFloats(1003, 1, 1.0f));
  for (int64_t step = 1; step <= 20; ++step) {
    const std::vector<float> grad = RandomFloats(1003, 100 + static_cast<uint32_t>(step), 0.1f);
    AdamWArrays arrays = without.Arrays(grad);
    arrays.param_bf16 = nullptr;
    AdamWStep(Settings(step), 1003, arrays);
  }
  EXPECT_EQ(with.param, without.param);
  for (size_t i = 0; i < with.param.size(); ++i) {
    ASSERT_LE(std::abs(FromBf16(with.param_bf16[i]) - with.param[i]), std::abs(with.param[i]) / 256) << i;
  }
}

TEST(AdamWTest, FirstStepHasTheLengthOfTheLearningRateWhateverTheGradient) {
  for (const CpuTarget target : SupportedCpuTargets()) {
    std::vector<float> param(5, 1.0f), exp_avg(5), exp_avg_sq(5);
    const std::vector<float> grad = {1e-3f, -1e-3f, 1e3f, -1e3f, 0.0f};
    AdamWStep({.learning_rate = 0.25, .step = 1}, 5, {param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data()},
              target);
    const std::vector<float> expected = {0.75f, 1.25f, 0.75f, 1.25f, 1.0f};
    for (int i = 0; i < 5; ++i) EXPECT_NEAR(param[i], expected[i], 1e-5) << i;
  }
}

TEST(AdamWTest, DecayActsWithoutAGradient) {
  float param = 2.0f, exp_avg = 0.0f, exp_avg_sq = 0.0f;
  const float grad = 0.0f;
  AdamWStep({.learning_rate = 0.5, .weight_decay = 0.5}, 1, {&param, &grad, &exp_avg, &exp_avg_sq});
  EXPECT_EQ(param, 1.5f);
}

}  // namespace
}  // namespace cohort::kernels
