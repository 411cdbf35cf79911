// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace cohort::kernels {
namespace {

struct State {
  std::vector<float> param, exp_avg, exp_avg_sq;
};

std::vector<float> RandomFloats(int64_t count, uint32_t seed, float scale) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

AdamWSettings Settings(int64_t step) {
  return {.learning_rate = 1e-2,
          .beta1 = 0.9,
          .beta2 = 0.95,
          .epsilon = 1e-8,
          .weight_decay = 0.1,
          .gradient_scale = 0.37,
          .step = step};
}

State RunSteps(int64_t count, CpuTarget target) {
  State s{RandomFloats(count, 1, 1.0f), std::vector<float>(count), std::vector<float>(count)};
  for (int64_t step = 1; step <= 20; ++step) {
    const std::vector<float> grad = RandomFloats(count, 100 + static_cast<uint32_t>(step), 0.1f);
    AdamWStep(Settings(step), count, s.param.data(), grad.data(), s.exp_avg.data(), s.exp_avg_sq.data(), target);
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
    const State result = RunSteps(1003, target);
    EXPECT_EQ(result.param, expected.param) << CpuTargetName(target);
    EXPECT_EQ(result.exp_avg, expected.exp_avg) << CpuTargetName(target);
    EXPECT_EQ(result.exp_avg_sq, expected.exp_avg_sq) << CpuTargetName(target);
  }
}

TEST(AdamWTest, SplittingTheArrayChangesNothing) {
  const int64_t count = 1003;
  const std::vector<float> grad = RandomFloats(count, 2, 0.1f);
  State whole{RandomFloats(count, 1, 1.0f), std::vector<float>(count), std::vector<float>(count)};
  State parts = whole;
  AdamWStep(Settings(1), count, whole.param.data(), grad.data(), whole.exp_avg.data(), whole.exp_avg_sq.data());
  for (int64_t start = 0, size = 0; start < count; start += size) {
    size = std::min<int64_t>(17, count - start);
    AdamWStep(Settings(1), size, &parts.param[start], &grad[start], &parts.exp_avg[start], &parts.exp_avg_sq[start]);
  }
  EXPECT_EQ(whole.param, parts.param);
}

TEST(AdamWTest, FirstStepHasTheLengthOfTheLearningRateWhateverTheGradient) {
  for (const CpuTarget target : SupportedCpuTargets()) {
    std::vector<float> param(5, 1.0f), exp_avg(5), exp_avg_sq(5);
    const std::vector<float> grad = {1e-3f, -1e-3f, 1e3f, -1e3f, 0.0f};
    AdamWStep({.learning_rate = 0.25, .step = 1}, 5, param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data(),
              target);
    const std::vector<float> expected = {0.75f, 1.25f, 0.75f, 1.25f, 1.0f};
    for (int i = 0; i < 5; ++i) EXPECT_NEAR(param[i], expected[i], 1e-5) << i;
  }
}

TEST(AdamWTest, DecayActsWithoutAGradient) {
  float param = 2.0f, exp_avg = 0.0f, exp_avg_sq = 0.0f;
  const float grad = 0.0f;
  AdamWStep({.learning_rate = 0.5, .weight_decay = 0.5}, 1, &param, &grad, &exp_avg, &exp_avg_sq);
  EXPECT_EQ(param, 1.5f);
}

}  // namespace
}  // namespace cohort::kernels
