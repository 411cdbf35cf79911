// SPDX-License-Identifier: Apache-2.0
// Shapes: T trained tokens. The objectives against golden records and against autograd of their definitions.
#include "objective/objective.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "objective/grpo.h"
#include "objective/objective_registry.h"
#include "objective/sft.h"
#include "objective/testing/golden.h"

namespace cohort::objective {
namespace {

using cohort::v1::LossReduction;

constexpr Denominators kFixtureTotals = {.num_tokens = 10, .num_sequences = 2};

std::unique_ptr<Objective> Grpo(LossReduction reduction, double clip_low = 0.2, double clip_high = 0.2) {
  cohort::v1::ObjectiveSpec spec;
  spec.mutable_grpo()->set_loss_reduction(reduction);
  spec.mutable_grpo()->set_clip_low(clip_low);
  spec.mutable_grpo()->set_clip_high(clip_high);
  ObjectiveRegistry registry;
  EXPECT_TRUE(RegisterBuiltinObjectives(&registry).ok());
  return *registry.Create(spec);
}

at::Tensor TensorOf(const std::vector<double>& values, at::ScalarType dtype) {
  return at::tensor(values, at::kDouble).to(dtype);
}

TokenBatch FixtureF(at::ScalarType dtype) {
  TokenBatch batch;
  batch.policy_logprobs_T = TensorOf(GoldenNumbers("fixture_F", "logp_new"), dtype);
  batch.proximal_logprobs_T = TensorOf(GoldenNumbers("fixture_F", "logp_old"), dtype);
  batch.behavior_logprobs_T = batch.proximal_logprobs_T;
  batch.entropies_T = TensorOf(GoldenNumbers("fixture_F", "entropy"), dtype);
  batch.cu_seqlens = {0, 6, 10};
  batch.advantages = {0.8, -1.25};
  return batch;
}

struct Precision {
  at::ScalarType dtype;
  double tolerance;
};

void ExpectGolden(const std::string& record, LossReduction reduction, double clip_high, const Precision& precision) {
  const absl::StatusOr<LossAndGradient> result =
      Grpo(reduction, 0.2, clip_high)->ComputeLoss(FixtureF(precision.dtype), kFixtureTotals);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(result->loss, GoldenNumber(record, "loss"), precision.tolerance) << record;
  EXPECT_EQ(result->gradient_T.scalar_type(), precision.dtype);
  const std::vector<double> expected = GoldenNumbers(record, "grad");
  for (int64_t t = 0; t < 10; ++t) {
    EXPECT_NEAR(result->gradient_T[t].item<double>(), expected[t], precision.tolerance) << record << " token " << t;
  }
}

TEST(GrpoTest, MatchesGoldenRecordsInBothPrecisions) {
  for (const Precision& precision : {Precision{at::kDouble, 1e-12}, Precision{at::kFloat, 1e-5}}) {
    ExpectGolden("grpo/token-mean/eps0.2", cohort::v1::LOSS_REDUCTION_TOKEN_MEAN, 0.2, precision);
    ExpectGolden("grpo/seq-mean-token-mean/eps0.2", cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN, 0.2,
                 precision);
    ExpectGolden("grpo/seq-mean-token-sum/eps0.2", cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM, 0.2, precision);
    ExpectGolden("grpo/clip_higher_0.2_0.28/token-mean", cohort::v1::LOSS_REDUCTION_TOKEN_MEAN, 0.28, precision);
  }
}

TEST(GrpoTest, MetricsAreSumsOverTokens) {
  const auto result = Grpo(cohort::v1::LOSS_REDUCTION_TOKEN_MEAN)->ComputeLoss(FixtureF(at::kDouble), kFixtureTotals);
  ASSERT_TRUE(result.ok()) << result.status();
  double sum_ratio = 0, sum_k1 = 0, sum_k3 = 0;
  for (double ratio : GoldenNumbers("fixture_F", "token_ratio")) {
    sum_ratio += ratio;
    sum_k1 -= std::log(ratio);
    sum_k3 += ratio - 1 - std::log(ratio);
  }
  EXPECT_NEAR(result->sums.at("sum_ratio"), sum_ratio, 1e-12);
  EXPECT_NEAR(result->sums.at("sum_kl_k1"), sum_k1, 1e-12);
  EXPECT_NEAR(result->sums.at("sum_kl_k3"), sum_k3, 1e-12);
  EXPECT_EQ(result->sums.at("count_tokens"), 10);
  // Tokens 1 and 4 (A > 0, ratio 1.35) and token 6 (A < 0, ratio 0.74).
  EXPECT_EQ(result->sums.at("count_clipped_high"), 2);
  EXPECT_EQ(result->sums.at("count_clipped_low"), 1);
  EXPECT_EQ(result->sums.at("sum_mismatch_abs"), 0);
}

TEST(GrpoTest, MismatchIsProximalAgainstBehavior) {
  TokenBatch batch = FixtureF(at::kDouble);
  batch.behavior_logprobs_T = batch.proximal_logprobs_T.clone();
  batch.behavior_logprobs_T[3] += 0.5;
  batch.behavior_logprobs_T[7] -= 0.25;
  const auto result = Grpo(cohort::v1::LOSS_REDUCTION_TOKEN_MEAN)->ComputeLoss(batch, kFixtureTotals);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(result->sums.at("sum_mismatch_abs"), 0.75, 1e-12);
  EXPECT_NEAR(result->sums.at("max_mismatch_abs"), 0.5, 1e-12);
}

// Sequences of 0 to 12 tokens with log-ratios up to about 1.
struct RandomBatch {
  TokenBatch batch;
  std::vector<double> advantage_per_token;
};

RandomBatch MakeRandomBatch(uint64_t seed, int num_sequences) {
  at::manual_seed(seed);
  RandomBatch random;
  random.batch.cu_seqlens = {0};
  for (int i = 0; i < num_sequences; ++i) {
    const int64_t num_tokens = at::randint(0, 13, {1}).item<int64_t>();
    const double advantage = at::randn({1}, at::kDouble).item<double>();
    random.batch.cu_seqlens.push_back(random.batch.cu_seqlens.back() + num_tokens);
    random.batch.advantages.push_back(advantage);
    random.advantage_per_token.insert(random.advantage_per_token.end(), num_tokens, advantage);
  }
  const int64_t num_tokens = random.batch.cu_seqlens.back();
  random.batch.proximal_logprobs_T = -at::rand({num_tokens}, at::kDouble) * 3;
  random.batch.policy_logprobs_T = random.batch.proximal_logprobs_T + at::randn({num_tokens}, at::kDouble) * 0.35;
  random.batch.behavior_logprobs_T = random.batch.proximal_logprobs_T;
  random.batch.entropies_T = at::rand({num_tokens}, at::kDouble);
  return random;
}

TEST(GrpoTest, GradientEqualsAutogradOfTheDefinition) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const RandomBatch random = MakeRandomBatch(seed, 9);
    const int64_t num_tokens = random.batch.cu_seqlens.back();
    const auto result = Grpo(cohort::v1::LOSS_REDUCTION_TOKEN_MEAN, 0.2, 0.28)
                            ->ComputeLoss(random.batch, {.num_tokens = num_tokens, .num_sequences = 9});
    ASSERT_TRUE(result.ok()) << result.status();
    at::Tensor x_T = random.batch.policy_logprobs_T.clone().requires_grad_(true);
    const at::Tensor advantage_T = TensorOf(random.advantage_per_token, at::kDouble);
    const at::Tensor ratio_T = (x_T - random.batch.proximal_logprobs_T).exp();
    const at::Tensor loss =
        at::maximum(-advantage_T * ratio_T, -advantage_T * ratio_T.clamp(1 - 0.2, 1 + 0.28)).sum() / num_tokens;
    loss.backward();
    EXPECT_NEAR(result->loss, loss.item<double>(), 1e-12);
    EXPECT_LT((result->gradient_T - x_T.grad()).abs().max().item<double>(), 1e-12) << "seed " << seed;
  }
}

// Sequences [begin, end) as a batch of their own.
TokenBatch Part(const TokenBatch& whole, int64_t begin, int64_t end) {
  const int64_t first = whole.cu_seqlens[begin], last = whole.cu_seqlens[end];
  TokenBatch part;
  part.policy_logprobs_T = whole.policy_logprobs_T.slice(0, first, last);
  part.proximal_logprobs_T = whole.proximal_logprobs_T.slice(0, first, last);
  part.behavior_logprobs_T = whole.behavior_logprobs_T.slice(0, first, last);
  part.entropies_T = whole.entropies_T.slice(0, first, last);
  for (int64_t i = begin; i <= end; ++i) part.cu_seqlens.push_back(whole.cu_seqlens[i] - first);
  part.advantages.assign(whole.advantages.begin() + begin, whole.advantages.begin() + end);
  return part;
}

TEST(GrpoTest, CutIntoMicrobatchesOrRanksChangesNeitherLossNorGradient) {
  for (LossReduction reduction :
       {cohort::v1::LOSS_REDUCTION_TOKEN_MEAN, cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN,
        cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM}) {
    const RandomBatch random = MakeRandomBatch(7, 10);
    const Denominators totals = {.num_tokens = random.batch.cu_seqlens.back(), .num_sequences = 10};
    const std::unique_ptr<Objective> grpo = Grpo(reduction);
    const LossAndGradient whole = *grpo->ComputeLoss(random.batch, totals);
    double loss = 0, ratios = 0;
    std::vector<at::Tensor> gradients;
    for (const auto& [begin, end] : {std::pair(0, 1), std::pair(1, 4), std::pair(4, 10)}) {
      const LossAndGradient part = *grpo->ComputeLoss(Part(random.batch, begin, end), totals);
      loss += part.loss;
      ratios += part.sums.count("sum_ratio") > 0 ? part.sums.at("sum_ratio") : 0;
      gradients.push_back(part.gradient_T);
    }
    EXPECT_NEAR(loss, whole.loss, 1e-12);
    EXPECT_NEAR(ratios, whole.sums.at("sum_ratio"), 1e-10);
    EXPECT_TRUE(at::equal(at::cat(gradients), whole.gradient_T));
  }
}

TEST(GrpoTest, OnPolicyGradientIsMinusWeightTimesAdvantage) {
  TokenBatch batch = FixtureF(at::kFloat);
  batch.policy_logprobs_T = batch.proximal_logprobs_T;
  const auto result = Grpo(cohort::v1::LOSS_REDUCTION_TOKEN_MEAN)->ComputeLoss(batch, kFixtureTotals);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FLOAT_EQ(result->gradient_T[0].item<float>(), -0.08f);
  EXPECT_FLOAT_EQ(result->gradient_T[9].item<float>(), 0.125f);
  EXPECT_EQ(result->sums.at("min_ratio"), 1.0);
  EXPECT_EQ(result->sums.at("max_ratio"), 1.0);
}

TEST(GrpoTest, BatchWithoutTokensIsZero) {
  const TokenBatch batch = Part(FixtureF(at::kFloat), 0, 0);
  const auto result = Grpo(cohort::v1::LOSS_REDUCTION_TOKEN_MEAN)->ComputeLoss(batch, kFixtureTotals);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->loss, 0);
  EXPECT_EQ(result->gradient_T.numel(), 0);
}

std::string GrpoError(const TokenBatch& batch) {
  return Grpo(cohort::v1::LOSS_REDUCTION_TOKEN_MEAN)->ComputeLoss(batch, kFixtureTotals).status().ToString();
}

TEST(GrpoTest, NumberThatIsNotFiniteIsRefusedNamingTensorAndSequence) {
  TokenBatch batch = FixtureF(at::kFloat);
  batch.policy_logprobs_T[8] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(GrpoError(batch), "INVALID_ARGUMENT: policy_logprobs: not finite (nan), sequence 1 token 2");

  batch = FixtureF(at::kFloat);
  batch.behavior_logprobs_T = batch.behavior_logprobs_T.clone();
  batch.behavior_logprobs_T[0] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(GrpoError(batch), "INVALID_ARGUMENT: behavior_logprobs: not finite (-inf), sequence 0 token 0");

  batch = FixtureF(at::kFloat);
  batch.advantages[1] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(GrpoError(batch), "INVALID_ARGUMENT: advantages: not finite (inf), sequence 1");
}

TEST(GrpoTest, MissingBehaviorLogprobsAreRefused) {
  TokenBatch batch = FixtureF(at::kFloat);
  batch.behavior_logprobs_T = at::Tensor();
  EXPECT_EQ(GrpoError(batch), "INVALID_ARGUMENT: behavior_logprobs: missing");
}

TEST(SftTest, LossIsMeanCrossEntropyAndGradientIsMinusTheWeight) {
  const SftObjective sft{cohort::v1::SftObjective()};
  const TokenBatch batch = FixtureF(at::kFloat);
  const auto result = sft.ComputeLoss(batch, {.num_tokens = 20, .num_sequences = 4});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(result->loss, -batch.policy_logprobs_T.sum().item<double>() / 20, 1e-6);
  EXPECT_TRUE(at::equal(result->gradient_T, at::full({10}, -0.05f)));
  EXPECT_EQ(result->sums.at("count_tokens"), 10);
}

TEST(SftTest, SequenceMeanGivesEverySequenceTheSameWeight) {
  cohort::v1::SftObjective spec;
  spec.set_loss_reduction(cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN);
  const auto result = SftObjective(spec).ComputeLoss(FixtureF(at::kDouble), kFixtureTotals);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(result->gradient_T.slice(0, 0, 6).sum().item<double>(), -0.5, 1e-12);
  EXPECT_NEAR(result->gradient_T.slice(0, 6, 10).sum().item<double>(), -0.5, 1e-12);
}

TEST(ObjectiveRegistryTest, SecondFactoryForACaseIsRefused) {
  ObjectiveRegistry registry;
  ASSERT_TRUE(RegisterBuiltinObjectives(&registry).ok());
  EXPECT_EQ(RegisterBuiltinObjectives(&registry).code(), absl::StatusCode::kAlreadyExists);
}

TEST(ObjectiveRegistryTest, CaseWithoutFactoryIsUnimplemented) {
  cohort::v1::ObjectiveSpec spec;
  spec.mutable_sft();
  EXPECT_EQ(ObjectiveRegistry().Create(spec).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace cohort::objective
