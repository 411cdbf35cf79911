// SPDX-License-Identifier: Apache-2.0
#include "kernels/segment_objective.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernels/segment_axes_fixture.h"
#include "kernels/segment_batch_fixture.h"

namespace cohort::kernels {
namespace {

// Longer than the definition can be differentiated: against the fp64 kernel.
TEST(SegmentObjectiveTest, FloatMatchesDoubleOverManyTokens) {
  for (const int64_t num_tokens : {1, 15, 16, 17, 1025, 5000}) {
    for (const int64_t longest : {0, 2, 70, 3000}) {
      Batch<double> reference = RandomBatch(num_tokens);
      if (longest > 0) reference.offsets = RaggedOffsets(num_tokens, 9, longest);
      SCOPED_TRACE(std::to_string(num_tokens) + " tokens in segments up to " + std::to_string(longest));
      Batch<float> batch = Convert<float>(reference);
      batch.Compute();
      reference.Compute();
      EXPECT_NEAR(batch.statistics.loss, reference.statistics.loss, 1e-5 * (1 + std::abs(reference.statistics.loss)));
      EXPECT_EQ(batch.statistics.num_tokens, reference.statistics.num_tokens);
      EXPECT_EQ(batch.statistics.num_clipped_low, reference.statistics.num_clipped_low);
      EXPECT_EQ(batch.statistics.num_clipped_high, reference.statistics.num_clipped_high);
      EXPECT_NEAR(batch.statistics.sum_ratio, reference.statistics.sum_ratio,
                  1e-5 * std::abs(reference.statistics.sum_ratio));
      for (int64_t t = 0; t < num_tokens; ++t) {
        const double scale = std::abs(reference.gradient[t]) + 1e-2 / static_cast<double>(num_tokens);
        ASSERT_NEAR(batch.gradient[t], reference.gradient[t], 1e-5 * scale) << t;
      }
    }
  }
}

TEST(SegmentObjectiveTest, EveryInstructionSetGivesTheSameBits) {
  for (const Axes& axes : AllAxes()) {
    SCOPED_TRACE(axes.Name());
    Batch<float> batch = Convert<float>(AxesBatch(axes, 3000, 7));
    batch.Compute(CpuTarget::kBaseline);
    const std::vector<float> gradient = batch.gradient;
    const SegmentStatistics statistics = batch.statistics;
    for (const CpuTarget target : SupportedCpuTargets()) {
      batch.Compute(target);
      EXPECT_EQ(std::memcmp(batch.gradient.data(), gradient.data(), gradient.size() * sizeof(float)), 0);
      EXPECT_EQ(std::memcmp(&batch.statistics, &statistics, sizeof(statistics)), 0) << CpuTargetName(target);
    }
  }
}

TEST(SegmentObjectiveTest, AddingLeavesWhatWasThereAndMaskedTokensAlone) {
  for (const Axes& axes : AllAxes()) {
    SCOPED_TRACE(axes.Name());
    Batch<float> batch = Convert<float>(AxesBatch(axes, 150, 8));
    batch.Compute();
    Batch<float> adding = batch;
    adding.settings.adds_to_gradient = true;
    for (size_t t = 0; t < 150; ++t) adding.gradient[t] = 0.25f;
    adding.Compute();
    EXPECT_EQ(std::memcmp(&adding.statistics, &batch.statistics, sizeof(SegmentStatistics)), 0);
    for (size_t t = 0; t < 150; ++t) ASSERT_EQ(adding.gradient[t], 0.25f + batch.gradient[t]) << t;
  }
}

// Micro-batches and the order of sequences regroup segments.
TEST(SegmentObjectiveTest, GradientOfASegmentDoesNotDependOnItsPlace) {
  Batch<float> together = Convert<float>(RandomBatch(5000));
  together.offsets = RaggedOffsets(5000, 3, 1700);
  together.Compute();
  for (size_t s = 0; s + 1 < together.offsets.size(); ++s) {
    const int64_t begin = together.offsets[s], size = together.offsets[s + 1] - begin;
    SegmentInputs<float> in = together.Inputs();
    in.policy_logprobs_T += begin;
    in.proximal_logprobs_T += begin;
    in.advantages_T += begin;
    in.weights_T += begin;
    in.mask_T += begin;
    const std::vector<int64_t> offsets = {0, size};
    in.segment_offsets = offsets.data();
    in.num_segments = 1;
    in.num_tokens = size;
    std::vector<float> alone(size, 7.0f);
    ComputeSegmentObjective<float>(in, alone.data());
    EXPECT_EQ(std::memcmp(alone.data(), together.gradient.data() + begin, size * sizeof(float)), 0) << s;
  }
}

TEST(SegmentObjectiveTest, NotANumberReachesLossAndGradient) {
  for (const Axes& axes : AllAxes()) {
    SCOPED_TRACE(axes.Name());
    for (const int which : {0, 1}) {
      Batch<float> batch = Convert<float>(AxesBatch(axes, 40, 4));
      (which == 0 ? batch.policy : batch.advantages)[23] = std::numeric_limits<float>::quiet_NaN();
      batch.Compute();
      EXPECT_TRUE(std::isnan(batch.statistics.loss));
      EXPECT_TRUE(std::isnan(batch.gradient[23]));
    }
  }
}

TEST(SegmentObjectiveTest, MaskedTokensGetExactZeroAndCountNowhere) {
  Batch<float> batch = Convert<float>(RandomBatch(40));
  for (const std::vector<int64_t>& offsets : {std::vector<int64_t>{}, {0, 7, 7, 25, 40}}) {
    for (const SegmentFlow flow : {SegmentFlow::kLocal, SegmentFlow::kThrough}) {
      batch.offsets = offsets;
      batch.settings.flow = flow;
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
  Batch<double> batch = RandomBatch(6);
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
  batch.settings.clip_low = batch.settings.clip_high = 0.0;  // both bounds are exactly the ratio
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
  Batch<double> batch = RandomBatch(30);
  batch.policy = batch.proximal;
  batch.mask.clear();
  for (double& advantage : batch.advantages) advantage = -0.7;
  for (double& weight : batch.weights) weight = 1.0 / 30;
  for (const std::vector<int64_t>& offsets : {std::vector<int64_t>{}, {0, 11, 30}}) {
    for (const SegmentFlow flow : {SegmentFlow::kLocal, SegmentFlow::kThrough}) {
      batch.offsets = offsets;
      batch.settings.flow = flow;
      batch.Compute();
      for (const double gradient : batch.gradient) EXPECT_NEAR(gradient, 0.7 / 30, 1e-15);
    }
  }
}

TEST(SegmentObjectiveTest, FlowsHaveEqualSumsWithinASegment) {
  Batch<double> batch = RandomBatch(30);
  batch.offsets = {0, 4, 19, 30};
  batch.Compute();
  const std::vector<double> through = batch.gradient;
  batch.settings.flow = SegmentFlow::kLocal;
  batch.Compute();
  for (size_t s = 0; s + 1 < batch.offsets.size(); ++s) {
    double difference = 0;
    for (int64_t t = batch.offsets[s]; t < batch.offsets[s + 1]; ++t) difference += through[t] - batch.gradient[t];
    EXPECT_NEAR(difference, 0.0, 1e-15);
  }
}

TEST(SegmentObjectiveTest, ThroughGradientMatchesFiniteDifferences) {
  Batch<double> batch = RandomBatch(24);
  batch.offsets = {0, 5, 12, 24};
  batch.settings.clip_low = batch.settings.clip_high = 0.1;
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
