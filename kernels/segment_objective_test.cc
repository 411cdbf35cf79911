// SPDX-License-Identifier: Apache-2.0
#include "kernels/segment_objective.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace cohort::kernels {
namespace {

nlohmann::json ReadGolden() {
  std::ifstream file("kernels/testdata/segment_objective_golden.json");
  return nlohmann::json::parse(file);
}

// omega_t of the named reduction over the golden batch.
std::vector<double> Weights(const nlohmann::json& golden, const std::string& reduction) {
  const auto offsets = golden["sequence_offsets"].get<std::vector<int64_t>>();
  const double num_sequences = static_cast<double>(offsets.size()) - 1;
  std::vector<double> weights;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const double length = static_cast<double>(offsets[s + 1] - offsets[s]);
    double weight = 0;
    if (reduction == "token-mean") weight = 1.0 / static_cast<double>(offsets.back());
    if (reduction == "seq-mean-token-mean") weight = 1.0 / (num_sequences * length);
    if (reduction == "seq-mean-token-sum") weight = 1.0 / num_sequences;
    if (reduction == "seq-mean-token-sum-norm") weight = 1.0 / (num_sequences * golden["max_tokens"].get<double>());
    EXPECT_GT(weight, 0) << reduction;
    weights.insert(weights.end(), offsets[s + 1] - offsets[s], weight);
  }
  return weights;
}

template <typename Real>
std::vector<Real> As(const std::vector<double>& values) {
  return std::vector<Real>(values.begin(), values.end());
}

// A batch that owns its arrays.
template <typename Real>
struct Batch {
  std::vector<Real> policy, proximal, advantages, weights, low_S, high_S;
  std::vector<uint8_t> mask;
  std::vector<int64_t> offsets;
  Real clip_low = Real{0.2};
  Real clip_high = Real{0.2};
  SegmentFlow flow = SegmentFlow::kThrough;
  std::vector<Real> gradient;
  SegmentStatistics statistics;

  void Compute(CpuTarget target = BestCpuTarget()) {
    gradient.assign(policy.size(), std::numeric_limits<Real>::quiet_NaN());
    SegmentInputs<Real> in{policy.data(), proximal.data(), advantages.data(), weights.data()};
    in.mask_T = mask.empty() ? nullptr : mask.data();
    in.num_tokens = static_cast<int64_t>(policy.size());
    in.segment_offsets = offsets.empty() ? nullptr : offsets.data();
    in.num_segments = static_cast<int64_t>(offsets.size()) - 1;
    in.clip_low = clip_low;
    in.clip_high = clip_high;
    in.clip_low_S = low_S.empty() ? nullptr : low_S.data();
    in.clip_high_S = high_S.empty() ? nullptr : high_S.data();
    in.flow = flow;
    statistics = ComputeSegmentObjective<Real>(in, gradient.data(), target);
  }
};

template <typename Real>
void ExpectGoldens(double tolerance) {
  const nlohmann::json golden = ReadGolden();
  for (const nlohmann::json& record : golden["records"]) {
    SCOPED_TRACE(record["name"].get<std::string>());
    Batch<Real> batch;
    batch.policy = As<Real>(golden["policy_logprobs"]);
    batch.proximal = As<Real>(golden["proximal_logprobs"]);
    batch.advantages = As<Real>(record["advantages"]);
    batch.weights = As<Real>(Weights(golden, record["reduction"]));
    batch.offsets = record["segment_offsets"].get<std::vector<int64_t>>();
    batch.clip_low = static_cast<Real>(record["clip_low"].get<double>());
    batch.clip_high = static_cast<Real>(record["clip_high"].get<double>());
    batch.low_S = As<Real>(record["clip_low_S"]);
    batch.high_S = As<Real>(record["clip_high_S"]);
    batch.flow = record["flow"] == "local" ? SegmentFlow::kLocal : SegmentFlow::kThrough;
    batch.Compute();
    const double loss = record["loss"];
    EXPECT_NEAR(batch.statistics.loss, loss, tolerance * std::abs(loss));
    const std::vector<double> gradient = record["gradient"];
    ASSERT_EQ(gradient.size(), batch.gradient.size());
    for (size_t t = 0; t < gradient.size(); ++t) {
      EXPECT_NEAR(batch.gradient[t], gradient[t], tolerance * std::abs(gradient[t])) << "token " << t;
    }
  }
}

TEST(SegmentObjectiveTest, MatchesGoldensInDouble) { ExpectGoldens<double>(1e-12); }
TEST(SegmentObjectiveTest, MatchesGoldensInFloat) { ExpectGoldens<float>(1e-5); }

// Random tokens; |x - o| reaches past the clip bounds.
template <typename Real>
Batch<Real> RandomBatch(int64_t num_tokens) {
  std::mt19937 generator(5);
  std::normal_distribution<double> normal;
  Batch<Real> batch;
  for (int64_t t = 0; t < num_tokens; ++t) {
    batch.proximal.push_back(static_cast<Real>(-std::abs(normal(generator))));
    batch.policy.push_back(batch.proximal.back() + static_cast<Real>(0.3 * normal(generator)));
    batch.advantages.push_back(t % 7 == 0 ? Real{0} : static_cast<Real>(normal(generator)));
    batch.weights.push_back(static_cast<Real>(1.0 / static_cast<double>(num_tokens)));
    batch.mask.push_back(t % 5 != 0);
  }
  return batch;
}

template <typename To, typename From>
Batch<To> Convert(const Batch<From>& from) {
  Batch<To> to;
  to.policy.assign(from.policy.begin(), from.policy.end());
  to.proximal.assign(from.proximal.begin(), from.proximal.end());
  to.advantages.assign(from.advantages.begin(), from.advantages.end());
  to.weights.assign(from.weights.begin(), from.weights.end());
  to.mask = from.mask;
  to.offsets = from.offsets;
  return to;
}

TEST(SegmentObjectiveTest, FloatTokensMatchDouble) {
  for (const int64_t num_tokens : {1, 15, 16, 1025, 5000}) {
    Batch<float> batch = RandomBatch<float>(num_tokens);
    Batch<double> reference = Convert<double>(batch);
    batch.Compute();
    reference.Compute();
    EXPECT_NEAR(batch.statistics.loss, reference.statistics.loss, 1e-6);
    EXPECT_EQ(batch.statistics.num_tokens, reference.statistics.num_tokens);
    EXPECT_EQ(batch.statistics.num_clipped_low, reference.statistics.num_clipped_low);
    EXPECT_EQ(batch.statistics.num_clipped_high, reference.statistics.num_clipped_high);
    EXPECT_NEAR(batch.statistics.sum_ratio, reference.statistics.sum_ratio,
                1e-6 * std::abs(reference.statistics.sum_ratio));
    if (reference.statistics.num_tokens > 0) {
      EXPECT_NEAR(batch.statistics.min_ratio, reference.statistics.min_ratio, 1e-6);
      EXPECT_NEAR(batch.statistics.max_ratio, reference.statistics.max_ratio, 1e-5);
    }
    for (int64_t t = 0; t < num_tokens; ++t) {
      ASSERT_NEAR(batch.gradient[t], reference.gradient[t], 1e-5 * std::abs(reference.gradient[t])) << t;
    }
  }
}

TEST(SegmentObjectiveTest, EveryInstructionSetGivesTheSameBits) {
  Batch<float> batch = RandomBatch<float>(5000);
  batch.Compute(CpuTarget::kBaseline);
  const std::vector<float> expected = batch.gradient;
  const double loss = batch.statistics.loss, sum_ratio = batch.statistics.sum_ratio;
  for (const CpuTarget target : SupportedCpuTargets()) {
    batch.Compute(target);
    EXPECT_EQ(std::memcmp(batch.gradient.data(), expected.data(), expected.size() * sizeof(float)), 0);
    EXPECT_EQ(batch.statistics.loss, loss) << CpuTargetName(target);
    EXPECT_EQ(batch.statistics.sum_ratio, sum_ratio) << CpuTargetName(target);
  }
}

TEST(SegmentObjectiveTest, MaskedTokensGetExactZeroAndCountNowhere) {
  Batch<float> batch = RandomBatch<float>(40);
  for (const std::vector<int64_t>& offsets : {std::vector<int64_t>{}, {0, 7, 7, 25, 40}}) {
    for (const SegmentFlow flow : {SegmentFlow::kLocal, SegmentFlow::kThrough}) {
      batch.offsets = offsets;
      batch.flow = flow;
      batch.Compute();
      EXPECT_EQ(batch.statistics.num_tokens, 32);
      for (int64_t t = 0; t < 40; t += 5) {
        EXPECT_EQ(batch.gradient[t], 0.0f);
        EXPECT_FALSE(std::signbit(batch.gradient[t]));
      }
      Batch<float> changed = batch;
      changed.policy[5] += 3.0f;
      changed.advantages[10] = 100.0f;
      changed.Compute();
      EXPECT_EQ(changed.gradient, batch.gradient);
      EXPECT_EQ(changed.statistics.loss, batch.statistics.loss);
    }
  }
}

TEST(SegmentObjectiveTest, FullyMaskedSegmentIsSkipped) {
  Batch<double> batch = RandomBatch<double>(6);
  batch.mask = {0, 0, 0, 1, 1, 1};
  batch.offsets = {0, 3, 6};
  batch.Compute();
  EXPECT_EQ(batch.statistics.num_tokens, 3);
  for (int t = 0; t < 3; ++t) EXPECT_EQ(batch.gradient[t], 0.0);
  EXPECT_TRUE(std::isfinite(batch.statistics.loss));
}

TEST(SegmentObjectiveTest, EqualityWithABoundIsActive) {
  Batch<double> batch;
  batch.policy = {0.0, 0.0};
  batch.proximal = {0.0, 0.0};
  batch.advantages = {1.0, -1.0};
  batch.weights = {1.0, 1.0};
  batch.clip_low = batch.clip_high = 0.0;  // both bounds are exactly the ratio
  batch.Compute();
  EXPECT_EQ(batch.gradient, (std::vector<double>{-1.0, 1.0}));
  EXPECT_EQ(batch.statistics.num_clipped_low + batch.statistics.num_clipped_high, 0);
}

TEST(SegmentObjectiveTest, TheOtherSideOfTheClipRangeNeverMatters) {
  Batch<double> batch;
  batch.policy = {-2.0, 2.0};
  batch.proximal = {0.0, 0.0};
  batch.advantages = {1.0, -1.0};  // A > 0 far below the range, A < 0 far above it
  batch.weights = {1.0, 1.0};
  batch.Compute();
  EXPECT_NEAR(batch.gradient[0], -std::exp(-2.0), 1e-15);
  EXPECT_NEAR(batch.gradient[1], std::exp(2.0), 1e-14);
}

TEST(SegmentObjectiveTest, LogRatioPastTwentyIsClampedAndHasNoGradient) {
  Batch<double> batch;
  batch.policy = {-30.0, 20.0, 25.0};
  batch.proximal = {0.0, 0.0, 0.0};
  batch.advantages = {1.0, -1.0, -1.0};
  batch.weights = {1.0, 1.0, 1.0};
  batch.Compute();
  EXPECT_EQ(batch.gradient[0], 0.0);
  EXPECT_NEAR(batch.gradient[1], std::exp(20.0), 1.0);  // equality keeps the gradient
  EXPECT_EQ(batch.gradient[2], 0.0);
  EXPECT_NEAR(batch.statistics.max_ratio, std::exp(20.0), 1.0);
  EXPECT_NEAR(batch.statistics.min_ratio, std::exp(-20.0), 1e-12);
  Batch<float> single = Convert<float>(batch);
  single.Compute();
  EXPECT_EQ(single.gradient[0], 0.0f);
  EXPECT_GT(single.gradient[1], 0.0f);
  EXPECT_EQ(single.gradient[2], 0.0f);
}

TEST(SegmentObjectiveTest, OnPolicyGradientIsMinusWeightTimesAdvantage) {
  Batch<double> batch = RandomBatch<double>(30);
  batch.policy = batch.proximal;
  batch.mask.clear();
  for (double& advantage : batch.advantages) advantage = -0.7;
  for (const std::vector<int64_t>& offsets : {std::vector<int64_t>{}, {0, 11, 30}}) {
    for (const SegmentFlow flow : {SegmentFlow::kLocal, SegmentFlow::kThrough}) {
      batch.offsets = offsets;
      batch.flow = flow;
      batch.Compute();
      for (const double gradient : batch.gradient) EXPECT_NEAR(gradient, 0.7 / 30, 1e-15);
    }
  }
}

TEST(SegmentObjectiveTest, FlowsHaveEqualSumsWithinASegment) {
  Batch<double> batch = RandomBatch<double>(30);
  batch.offsets = {0, 4, 19, 30};
  batch.Compute();
  const std::vector<double> through = batch.gradient;
  batch.flow = SegmentFlow::kLocal;
  batch.Compute();
  for (size_t s = 0; s + 1 < batch.offsets.size(); ++s) {
    double difference = 0;
    for (int64_t t = batch.offsets[s]; t < batch.offsets[s + 1]; ++t) difference += through[t] - batch.gradient[t];
    EXPECT_NEAR(difference, 0.0, 1e-15);
  }
}

TEST(SegmentObjectiveTest, ThroughGradientMatchesFiniteDifferences) {
  Batch<double> batch = RandomBatch<double>(24);
  batch.offsets = {0, 5, 12, 24};
  batch.clip_low = batch.clip_high = 0.1;
  batch.Compute();
  const std::vector<double> gradient = batch.gradient;
  for (size_t t = 0; t < batch.policy.size(); ++t) {
    Batch<double> up = batch, down = batch;
    up.policy[t] += 1e-6;
    down.policy[t] -= 1e-6;
    up.Compute();
    down.Compute();
    EXPECT_NEAR(gradient[t], (up.statistics.loss - down.statistics.loss) / 2e-6, 1e-8) << t;
  }
}

}  // namespace
}  // namespace cohort::kernels
