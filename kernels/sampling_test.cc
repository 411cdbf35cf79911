// SPDX-License-Identifier: Apache-2.0
#include "kernels/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "kernels/sampling_key.h"

namespace cohort::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> RandomLogits(int64_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, 2.0f);
  std::vector<float> logits(count);
  for (float& value : logits) value = normal(generator);
  return logits;
}

// The filtered distribution in double, by sorting everything.
std::vector<double> Distribution(const std::vector<float>& logits, const SamplingSettings& settings) {
  const int64_t size = static_cast<int64_t>(logits.size());
  std::vector<int64_t> ids(size);
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](int64_t a, int64_t b) { return logits[a] > logits[b]; });
  if (settings.top_k > 0 && settings.top_k < size) ids.resize(settings.top_k);
  std::vector<double> p(size);
  double total = 0;
  for (const int64_t id : ids) total += p[id] = std::exp((logits[id] - logits[ids[0]]) / settings.temperature);
  double kept = 0;
  for (const int64_t id : ids) {
    if (settings.top_p < 1 && kept >= settings.top_p * total) {
      p[id] = 0;
    } else {
      kept += p[id];
    }
  }
  for (double& value : p) value /= kept;
  return p;
}

class SamplingFilters : public testing::TestWithParam<SamplingSettings> {};

TEST_P(SamplingFilters, InvertsTheReferenceDistributionInIdOrder) {
  for (const int64_t vocab_size : {24, 401}) {
    const std::vector<float> logits = RandomLogits(vocab_size, 3);
    const std::vector<double> p = Distribution(logits, GetParam());
    double sum = 0;
    for (int64_t v = 0; v < vocab_size; ++v) {
      if (p[v] > 1e-5) {  // the middle of the token's interval
        const SampledToken sampled = SampleToken(logits.data(), vocab_size, GetParam(), sum + p[v] / 2);
        ASSERT_EQ(sampled.token, v);
        EXPECT_NEAR(sampled.logprob, std::log(p[v]), 1e-5 * (1 + std::abs(std::log(p[v]))));
      }
      sum += p[v];
    }
  }
}

TEST_P(SamplingFilters, EveryInstructionSetGivesTheSameToken) {
  const std::vector<float> logits = RandomLogits(3001, 4);
  for (int i = 0; i < 200; ++i) {
    const double uniform = (i + 0.5) / 200;
    const SampledToken expected = SampleToken(logits.data(), 3001, GetParam(), uniform, CpuTarget::kBaseline);
    for (const CpuTarget target : SupportedCpuTargets()) {
      const SampledToken sampled = SampleToken(logits.data(), 3001, GetParam(), uniform, target);
      EXPECT_EQ(sampled.token, expected.token);
      EXPECT_EQ(sampled.logprob, expected.logprob);
    }
  }
}

TEST_P(SamplingFilters, FrequenciesPassAChiSquareTest) {
  const int64_t vocab_size = 24;
  const int num_draws = 20000;
  const std::vector<float> logits = RandomLogits(vocab_size, 5);
  const std::vector<double> p = Distribution(logits, GetParam());
  std::vector<int> counts(vocab_size);
  for (int i = 0; i < num_draws; ++i) {
    const double uniform = SamplingUniform({.seed = 42, .problem_id = 7, .sibling = i % 8, .position = i / 8});
    ++counts[SampleToken(logits.data(), vocab_size, GetParam(), uniform).token];
  }
  double chi_square = 0;
  int num_cells = 0;
  for (int64_t v = 0; v < vocab_size; ++v) {
    if (p[v] == 0) {
      EXPECT_EQ(counts[v], 0) << v;
      continue;
    }
    if (p[v] * num_draws < 5) continue;
    chi_square += std::pow(counts[v] - p[v] * num_draws, 2) / (p[v] * num_draws);
    ++num_cells;
  }
  const double freedom = std::max(1, num_cells - 1);
  EXPECT_LT(chi_square, freedom + 4 * std::sqrt(2 * freedom));
}

INSTANTIATE_TEST_SUITE_P(Settings, SamplingFilters,
                         testing::Values(SamplingSettings{}, SamplingSettings{.temperature = 0.6},
                                         SamplingSettings{.temperature = 1.5, .top_k = 7},
                                         SamplingSettings{.top_p = 0.9},
                                         SamplingSettings{.temperature = 0.8, .top_k = 12, .top_p = 0.7},
                                         SamplingSettings{.top_k = 5000, .top_p = 0.999}));

TEST(SamplingTest, GreedyTakesTheLowestIdAmongEquals) {
  const std::vector<float> logits = {1, 3, -2, 3, 0};
  for (const double uniform : {0.01, 0.99}) {
    const SampledToken sampled = SampleToken(logits.data(), 5, {.temperature = 0}, uniform);
    EXPECT_EQ(sampled.token, 1);
    EXPECT_EQ(sampled.logprob, 0.0);
  }
}

TEST(SamplingTest, TopKKeepsTheLowestIdsAmongEquals) {
  const std::vector<float> logits(40, 1.0f);
  std::set<int64_t> seen;
  for (int i = 0; i < 300; ++i) seen.insert(SampleToken(logits.data(), 40, {.top_k = 3}, (i + 0.5) / 300).token);
  EXPECT_EQ(seen, (std::set<int64_t>{0, 1, 2}));
}

TEST(SamplingTest, TopPKeepsTheTokenThatReachesIt) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  std::set<int64_t> seen;
  for (int i = 0; i < 300; ++i) seen.insert(SampleToken(logits.data(), 3, {.top_p = 0.6}, (i + 0.5) / 300).token);
  EXPECT_EQ(seen, (std::set<int64_t>{0, 1}));
  EXPECT_EQ(SampleToken(logits.data(), 3, {.top_p = 1e-9}, 0.999).token, 0);
}

TEST(SamplingTest, FiltersAtTheirEndsStillDrawAToken) {
  const std::vector<float> logits = RandomLogits(401, 7);
  const int64_t largest = std::max_element(logits.begin(), logits.end()) - logits.begin();
  for (const double uniform : {1e-300, 0.5, std::nextafter(1.0, 0.0)}) {
    for (const SamplingSettings& settings : {SamplingSettings{.top_k = 1}, SamplingSettings{.top_p = 1e-300},
                                             SamplingSettings{.top_k = 5, .top_p = 1e-300}}) {
      const SampledToken sampled = SampleToken(logits.data(), 401, settings, uniform);
      EXPECT_EQ(sampled.token, largest);
      EXPECT_EQ(sampled.logprob, 0.0);
    }
    for (const SamplingSettings& settings :
         {SamplingSettings{}, SamplingSettings{.top_k = INT64_MAX}, SamplingSettings{.top_k = 400},
          SamplingSettings{.top_p = std::nextafter(1.0, 0.0)}, SamplingSettings{.temperature = 1e30}}) {
      const SampledToken sampled = SampleToken(logits.data(), 401, settings, uniform);
      EXPECT_GE(sampled.token, 0);
      EXPECT_LT(sampled.token, 401);
      EXPECT_TRUE(std::isfinite(sampled.logprob));
    }
  }
  const float one = -1e30f;
  EXPECT_EQ(SampleToken(&one, 1, {}, 0.5).token, 0);
}

TEST(SamplingTest, FewerFiniteLogitsThanTopKAreDrawnFromAlone) {
  std::vector<float> logits(300, -kInfinity);
  logits[150] = 1.0f;
  logits[299] = 1.0f;
  std::set<int64_t> seen;
  for (int i = 0; i < 100; ++i) {
    const SampledToken sampled = SampleToken(logits.data(), 300, {.top_k = 20}, (i + 0.5) / 100);
    seen.insert(sampled.token);
    EXPECT_NEAR(sampled.logprob, std::log(0.5), 1e-6);
  }
  EXPECT_EQ(seen, (std::set<int64_t>{150, 299}));
}

TEST(SamplingTest, MinusInfinityIsNeverDrawn) {
  const std::vector<float> logits = {-kInfinity, 0.0f, -kInfinity, 0.5f, -kInfinity};
  for (const double uniform : {1e-10, 0.3, 0.9, 1 - 1e-10}) {
    const int64_t token = SampleToken(logits.data(), 5, {}, uniform).token;
    EXPECT_TRUE(token == 1 || token == 3) << token;
  }
}

TEST(SamplingTest, TinyTemperatureIsGreedy) {
  const std::vector<float> logits = {1, 3, 2.999f};
  for (const double uniform : {0.01, 0.99}) {
    EXPECT_EQ(SampleToken(logits.data(), 3, {.temperature = 1e-45}, uniform).token, 1);
  }
}

TEST(SamplingTest, UnusableLogitsGiveNoToken) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> nan_behind_many = RandomLogits(3001, 6), nan_among_many = nan_behind_many;
  nan_behind_many.back() = nan;
  nan_among_many[17] = nan;
  for (const std::vector<float>& logits : {std::vector<float>{0, nan, 1},
                                           {0, kInfinity, 1},
                                           {-kInfinity, -kInfinity},
                                           {nan},
                                           std::vector<float>(40, -kInfinity),
                                           nan_behind_many,
                                           nan_among_many}) {
    for (const SamplingSettings& settings : {SamplingSettings{}, SamplingSettings{.temperature = 0},
                                             SamplingSettings{.top_k = 1}, SamplingSettings{.top_p = 0.5}}) {
      for (const CpuTarget target : SupportedCpuTargets()) {
        EXPECT_EQ(SampleToken(logits.data(), static_cast<int64_t>(logits.size()), settings, 0.5, target).token, -1);
      }
    }
  }
}

TEST(SamplingKeyTest, IsAPureFunctionOfTheName) {
  const SamplingKey key{.seed = 1, .problem_id = 2, .epoch = 3, .sibling = 4, .position = 5};
  EXPECT_EQ(SamplingUniform(key), SamplingUniform(key));
}

TEST(SamplingKeyTest, EveryPartOfTheNameCounts) {
  const SamplingKey base{.seed = 1, .problem_id = 2, .epoch = 3, .sibling = 4, .position = 5};
  std::vector<SamplingKey> keys(9, base);
  keys[1].seed = 2;
  keys[2].seed = 1 | (1ull << 32);
  keys[3].problem_id = 3;
  keys[4].problem_id = 2 | (1ll << 32);
  keys[5].problem_id = -2;
  keys[6].epoch = 4;
  keys[7].sibling = 3;
  keys[8].position = 6;
  std::set<double> draws;
  for (const SamplingKey& key : keys) draws.insert(SamplingUniform(key));
  EXPECT_EQ(draws.size(), keys.size());
}

TEST(SamplingKeyTest, DrawsAreUniform) {
  double sum = 0, sum_of_squares = 0;
  const int num_draws = 20000;
  for (int i = 0; i < num_draws; ++i) {
    const double u = SamplingUniform({.seed = 9, .problem_id = i});
    EXPECT_GT(u, 0.0);
    EXPECT_LT(u, 1.0);
    sum += u;
    sum_of_squares += u * u;
  }
  EXPECT_NEAR(sum / num_draws, 0.5, 0.01);
  EXPECT_NEAR(sum_of_squares / num_draws, 1.0 / 3, 0.01);
}

}  // namespace
}  // namespace cohort::kernels
