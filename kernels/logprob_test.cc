// SPDX-License-Identifier: Apache-2.0
#include "kernels/logprob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/thread_parallel_for.h"

namespace cohort::kernels {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Gt;
using ::testing::IsEmpty;
using ::testing::Not;

struct Batch {
  int64_t num_rows;
  int64_t vocab_size;
  float inverse_temperature;
  std::vector<float> logits, grad, entropy_grad;
  std::vector<int64_t> targets;

  Batch(int64_t T, int64_t V, double temperature, float spread = 3.0f)
      : num_rows(T),
        vocab_size(V),
        inverse_temperature(static_cast<float>(1 / temperature)),
        logits(T * V),
        grad(T),
        entropy_grad(T) {
    std::mt19937 generator(11);
    std::normal_distribution<float> normal(0.0f, spread);
    for (float& value : logits) value = normal(generator);
    for (float& value : grad) value = normal(generator);
    for (float& value : entropy_grad) value = normal(generator);
    for (int64_t t = 0; t < T; ++t) targets.push_back(generator() % V);
  }

  LogprobRows rows() const { return {targets.data(), num_rows, vocab_size, inverse_temperature}; }
};

struct Reference {
  std::vector<double> logprobs, entropies, grad_logits, entropy_grad_logits;  // the last: both gradients
};

Reference InDouble(const Batch& b) {
  Reference r{std::vector<double>(b.num_rows), std::vector<double>(b.num_rows), std::vector<double>(b.logits.size()),
              std::vector<double>(b.logits.size())};
  for (int64_t t = 0; t < b.num_rows; ++t) {
    const float* row = &b.logits[t * b.vocab_size];
    const double max = *std::max_element(row, row + b.vocab_size) * double{b.inverse_temperature};
    double sum = 0;
    for (int64_t v = 0; v < b.vocab_size; ++v) sum += std::exp(row[v] * double{b.inverse_temperature} - max);
    for (int64_t v = 0; v < b.vocab_size; ++v) {
      const double logprob = row[v] * double{b.inverse_temperature} - max - std::log(sum);
      const double p = std::exp(logprob);
      if (p > 0) r.entropies[t] -= p * logprob;
      if (v == b.targets[t]) r.logprobs[t] = logprob;
      r.grad_logits[t * b.vocab_size + v] = b.grad[t] * b.inverse_temperature * ((v == b.targets[t]) - p);
    }
    for (int64_t v = 0; v < b.vocab_size; ++v) {
      const double logprob = row[v] * double{b.inverse_temperature} - max - std::log(sum);
      const double p = std::exp(logprob);
      const double slope = p > 0 ? -p * (logprob + r.entropies[t]) : 0.0;
      const int64_t i = t * b.vocab_size + v;
      r.entropy_grad_logits[i] = r.grad_logits[i] + b.entropy_grad[t] * b.inverse_temperature * slope;
    }
  }
  return r;
}

struct Result {
  std::vector<float> logprobs, entropies, grad_logits, entropy_grad_logits;
};

Result Evaluate(const Batch& b, const CpuExecution& cpu) {
  Result r{std::vector<float>(b.num_rows), std::vector<float>(b.num_rows), b.logits, b.logits};
  LogprobForward(b.rows(), b.logits.data(), r.logprobs.data(), r.entropies.data(), cpu);
  LogprobBackwardInPlace(b.rows(), b.grad.data(), nullptr, r.grad_logits.data(), cpu);
  LogprobBackwardInPlace(b.rows(), b.grad.data(), b.entropy_grad.data(), r.entropy_grad_logits.data(), cpu);
  return r;
}

class LogprobShapes : public testing::TestWithParam<std::pair<int64_t, double>> {};

TEST_P(LogprobShapes, MatchesDoubleReference) {
  const Batch batch(9, GetParam().first, GetParam().second);
  const Reference expected = InDouble(batch);
  const Result result = Evaluate(batch, BestCpuTarget());
  for (int64_t t = 0; t < batch.num_rows; ++t) {
    EXPECT_NEAR(result.logprobs[t], expected.logprobs[t], 3e-6 * (1 + std::abs(expected.logprobs[t])));
    EXPECT_NEAR(result.entropies[t], expected.entropies[t], 5e-6 * (1 + std::abs(expected.entropies[t])));
  }
  for (size_t i = 0; i < result.grad_logits.size(); ++i) {
    ASSERT_NEAR(result.grad_logits[i], expected.grad_logits[i], 1e-6 + 1e-5 * std::abs(expected.grad_logits[i]));
    ASSERT_NEAR(result.entropy_grad_logits[i], expected.entropy_grad_logits[i],
                2e-6 + 1e-5 * std::abs(expected.entropy_grad_logits[i]));
  }
}

// Rows enough that even the smallest vocabulary is shared out.
TEST_P(LogprobShapes, NumberOfThreadsAndOrderOfThePartsChangeNoBit) {
  const int64_t vocab_size = GetParam().first;
  Batch batch((int64_t{1} << 17) / vocab_size + 3, vocab_size, GetParam().second);
  batch.grad[1] = batch.entropy_grad[1] = 0.0f;  // a row that is written without being read
  const Result expected = Evaluate(batch, CpuTarget::kBaseline);
  const auto expect_same = [&expected](const Result& result) {
    EXPECT_EQ(result.logprobs, expected.logprobs);
    EXPECT_EQ(result.entropies, expected.entropies);
    EXPECT_EQ(result.grad_logits, expected.grad_logits);
    EXPECT_EQ(result.entropy_grad_logits, expected.entropy_grad_logits);
  };
  for (const CpuTarget target : SupportedCpuTargets()) {
    for (const int64_t num_threads : {1, 2, 3, 5}) {
      SCOPED_TRACE(testing::Message() << num_threads << " threads, " << CpuTargetName(target));
      expect_same(Evaluate(batch, {target, ThreadParallelFor(num_threads)}));
    }
  }
  std::vector<int64_t> counts;
  expect_same(Evaluate(batch, {BestCpuTarget(), BackwardParallelFor(&counts)}));
  EXPECT_THAT(counts, AllOf(Not(IsEmpty()), Each(Gt(1)))) << "something was not shared out";
}

TEST_P(LogprobShapes, EveryInstructionSetGivesTheSameBits) {
  const Batch batch(9, GetParam().first, GetParam().second);
  const Result expected = Evaluate(batch, CpuTarget::kBaseline);
  for (const CpuTarget target : SupportedCpuTargets()) {
    const Result result = Evaluate(batch, target);
    EXPECT_EQ(result.logprobs, expected.logprobs) << CpuTargetName(target);
    EXPECT_EQ(result.entropies, expected.entropies) << CpuTargetName(target);
    EXPECT_EQ(result.grad_logits, expected.grad_logits) << CpuTargetName(target);
    EXPECT_EQ(result.entropy_grad_logits, expected.entropy_grad_logits) << CpuTargetName(target);
  }
}

INSTANTIATE_TEST_SUITE_P(VocabularyAndTemperature, LogprobShapes,
                         testing::Values(std::pair<int64_t, double>{1, 1.0}, std::pair<int64_t, double>{17, 1.0},
                                         std::pair<int64_t, double>{24, 0.7}, std::pair<int64_t, double>{1024, 1.3},
                                         std::pair<int64_t, double>{5003, 1.0},
                                         std::pair<int64_t, double>{151936, 0.6}));

TEST(LogprobTest, ARowDoesNotDependOnTheOthers) {
  const Batch batch(8, 1500, 1.0);
  const Result together = Evaluate(batch, BestCpuTarget());
  for (int64_t t = 0; t < batch.num_rows; ++t) {
    const LogprobRows one{&batch.targets[t], 1, batch.vocab_size, batch.inverse_temperature};
    float logprob = 0;
    LogprobForward(one, &batch.logits[t * batch.vocab_size], &logprob, nullptr);
    EXPECT_EQ(logprob, together.logprobs[t]);
  }
}

TEST(LogprobTest, AscendingLogitsAreRescaledInEveryBlock) {
  Batch batch(1, 4096, 1.0);
  for (int64_t v = 0; v < 4096; ++v) batch.logits[v] = static_cast<float>(v) * 0.01f;
  batch.targets[0] = 0;
  const Result result = Evaluate(batch, BestCpuTarget());
  const Reference expected = InDouble(batch);
  EXPECT_NEAR(result.logprobs[0], expected.logprobs[0], 1e-4);
  EXPECT_NEAR(result.entropies[0], expected.entropies[0], 1e-5);
}

TEST(LogprobTest, MinusInfinityHasNoProbability) {
  const float infinity = std::numeric_limits<float>::infinity();
  Batch batch(1, 3000, 1.0);
  std::fill(batch.logits.begin(), batch.logits.begin() + 2048, -infinity);
  batch.targets[0] = 2500;
  const Result result = Evaluate(batch, BestCpuTarget());
  const Reference expected = InDouble(batch);
  EXPECT_NEAR(result.logprobs[0], expected.logprobs[0], 1e-5);
  EXPECT_NEAR(result.entropies[0], expected.entropies[0], 1e-5);
  EXPECT_EQ(result.grad_logits[0], 0.0f);
  EXPECT_EQ(result.entropy_grad_logits[0], 0.0f);
  batch.targets[0] = 5;
  EXPECT_EQ(Evaluate(batch, BestCpuTarget()).logprobs[0], -infinity);
}

TEST(LogprobTest, NanReachesTheResult) {
  Batch batch(2, 40, 1.0);
  batch.logits[7] = std::numeric_limits<float>::quiet_NaN();
  const Result result = Evaluate(batch, BestCpuTarget());
  EXPECT_TRUE(std::isnan(result.logprobs[0]));
  EXPECT_TRUE(std::isnan(result.entropies[0]));
  EXPECT_FALSE(std::isnan(result.logprobs[1]));
}

TEST(LogprobTest, ARowWithoutEntropyGradientGetsTheBitsOfTheOtherPath) {
  Batch batch(3, 1500, 0.8);
  batch.entropy_grad[1] = 0.0f;
  const Result result = Evaluate(batch, BestCpuTarget());
  const auto row = [](const std::vector<float>& values, int64_t t) { return values.data() + t * 1500; };
  EXPECT_EQ(std::memcmp(row(result.entropy_grad_logits, 1), row(result.grad_logits, 1), 1500 * sizeof(float)), 0);
  EXPECT_NE(std::memcmp(row(result.entropy_grad_logits, 2), row(result.grad_logits, 2), 1500 * sizeof(float)), 0);
}

TEST(LogprobTest, EntropyGradientAloneMovesTheRow) {
  Batch batch(1, 40, 1.0);
  batch.grad[0] = 0.0f;
  const Result result = Evaluate(batch, BestCpuTarget());
  const Reference expected = InDouble(batch);
  for (int64_t v = 0; v < 40; ++v) {
    EXPECT_NEAR(result.entropy_grad_logits[v], expected.entropy_grad_logits[v], 1e-6) << v;
    EXPECT_EQ(result.grad_logits[v], 0.0f);
  }
}

TEST(LogprobTest, ZeroGradientGivesExactZeros) {
  Batch batch(2, 40, 1.0);
  batch.grad[0] = 0.0f;
  const Result result = Evaluate(batch, BestCpuTarget());
  const std::vector<float> zeros(40);
  EXPECT_EQ(std::memcmp(result.grad_logits.data(), zeros.data(), 40 * sizeof(float)), 0);
}

}  // namespace
}  // namespace cohort::kernels
