// SPDX-License-Identifier: Apache-2.0
#include "learner/optim/adamw.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "common/testing/status_matchers.h"
#include "learner/optim/gradient_clip.h"

namespace cohort::learner {
namespace {

using Kind = model::ParameterSpec::Kind;

std::unique_ptr<FlatParameters> MatrixNormMatrix(const RankPlace& place = {}) {
  const at::NoGradGuard no_grad;
  std::unique_ptr<FlatParameters> flat =
      *FlatParameters::Create(SelectParameters({{"a", {2, 3}}, {"norm", {5}, Kind::kNorm}, {"b", {4, 4}}}), at::kCPU,
                              place, {.layout = {.bucket_numbers = 10}});
  for (const auto& [name, view] : flat->parameters().entries) view.fill_(2.0f);
  return flat;
}

TEST(AdamWTest, DecayIsForMatricesOnly) {
  const std::unique_ptr<FlatParameters> parameters = MatrixNormMatrix();
  cohort::v1::OptimizerSpec spec;
  spec.set_weight_decay(0.5);
  ASSERT_OK_AND_ASSIGN(const auto optimizer, AdamW::Create(spec, parameters.get()));
  ASSERT_OK(optimizer->Update(/*learning_rate=*/0.1, /*gradient_scale=*/1, /*update=*/1));
  EXPECT_FLOAT_EQ(parameters->parameters().Find("a")[0][0].item<float>(), 2 * (1 - 0.05f));
  EXPECT_FLOAT_EQ(parameters->parameters().Find("norm")[4].item<float>(), 2);
  EXPECT_FLOAT_EQ(parameters->parameters().Find("b")[3][3].item<float>(), 2 * (1 - 0.05f));
}

// The formula of the paper, in double.
TEST(AdamWTest, ThreeUpdatesFollowTheFormula) {
  const std::unique_ptr<FlatParameters> parameters = MatrixNormMatrix();
  cohort::v1::OptimizerSpec spec;
  spec.set_weight_decay(0.01);
  spec.set_beta2(0.95);
  ASSERT_OK_AND_ASSIGN(const auto optimizer, AdamW::Create(spec, parameters.get()));
  double weight = 2, m = 0, v = 0;
  for (int update = 1; update <= 3; ++update) {
    const double gradient = 0.3 * update, scale = 0.5;
    parameters->gradients_L().fill_(gradient);
    ASSERT_OK(optimizer->Update(0.1, scale, update));
    m = 0.9 * m + 0.1 * scale * gradient;
    v = 0.95 * v + 0.05 * std::pow(scale * gradient, 2);
    weight = weight * (1 - 0.1 * 0.01) -
             0.1 * (m / (1 - std::pow(0.9, update))) / (std::sqrt(v / (1 - std::pow(0.95, update))) + 1e-8);
    EXPECT_NEAR(parameters->parameters().Find("b")[1][2].item<float>(), weight, 1e-6) << update;
  }
}

TEST(AdamWTest, SizeOfAnUpdateIsThatOfItsNumbers) {
  const std::unique_ptr<FlatParameters> parameters = MatrixNormMatrix();
  ASSERT_OK_AND_ASSIGN(const auto optimizer, AdamW::Create({}, parameters.get()));
  for (const auto& [name, view] : parameters->parameters().entries) view.mutable_grad().fill_(1);
  // The first update of a constant gradient moves every weight by the learning rate.
  ASSERT_OK_AND_ASSIGN(const UpdateSize size, optimizer->Update(/*learning_rate=*/0.1, 1, 1));
  EXPECT_NEAR(size.squared_change, 27 * 0.01, 1e-5);
  EXPECT_NEAR(size.squared_weights, 27 * 1.9 * 1.9, 1e-4);
}

// Each rank has the same gradients, as after their reduction, and a third of the moments.
TEST(AdamWTest, ShardsOfRanksTogetherMakeTheWholeUpdate) {
  const std::unique_ptr<FlatParameters> whole = MatrixNormMatrix();
  cohort::v1::OptimizerSpec spec;
  spec.set_weight_decay(0.5);
  ASSERT_OK_AND_ASSIGN(const auto whole_optimizer, AdamW::Create(spec, whole.get()));
  spec.set_sharding(cohort::v1::OPTIMIZER_SHARDING_ZERO1);
  std::vector<std::unique_ptr<FlatParameters>> shards;
  std::vector<std::unique_ptr<AdamW>> optimizers;
  for (int rank = 0; rank < 3; ++rank) {
    shards.push_back(MatrixNormMatrix({.rank = rank, .world_size = 3}));
    ASSERT_OK_AND_ASSIGN(optimizers.emplace_back(), AdamW::Create(spec, shards.back().get()));
    EXPECT_TRUE(optimizers.back()->is_sharded());
    EXPECT_EQ(optimizers.back()->exp_avg_S().numel() * 3, shards.back()->weights_L().numel());
  }
  for (int update = 1; update <= 2; ++update) {
    for (const auto* parameters : {whole.get(), shards[0].get(), shards[1].get(), shards[2].get()}) {
      for (const auto& [name, view] : parameters->parameters().entries) {
        view.mutable_grad().copy_(at::arange(view.numel(), at::kFloat).view(view.sizes()) - update);
      }
    }
    ASSERT_OK(whole_optimizer->Update(0.1, 0.5, update));
    at::Tensor gathered_P = at::zeros_like(shards[0]->weights_L());
    for (int rank = 0; rank < 3; ++rank) {
      ASSERT_OK(optimizers[rank]->Update(0.1, 0.5, update));
      for (const FlatRange& owned : optimizers[rank]->owned().ranges()) {
        gathered_P.narrow(0, owned.offset, owned.size)
            .copy_(shards[rank]->weights_L().narrow(0, owned.offset, owned.size));
      }
    }
    for (const auto& shard : shards) shard->weights_L().copy_(gathered_P);
    for (const auto& [name, view] : shards[0]->parameters().entries) {
      EXPECT_TRUE(at::equal(view, whole->parameters().Find(name))) << name << " update " << update;
    }
  }
}

TEST(GradientClipTest, NormIsOverAllNumbersAndNotFiniteWhenOneIsNot) {
  EXPECT_DOUBLE_EQ(GradientNorm(at::tensor({3.0f, 0.0f, 4.0f})), 5);
  EXPECT_DOUBLE_EQ(GradientNorm(at::full({4}, 1e30f)), 2 * static_cast<double>(1e30f));
  EXPECT_FALSE(std::isfinite(GradientNorm(at::tensor({3.0f, std::numeric_limits<float>::quiet_NaN()}))));
  EXPECT_FALSE(std::isfinite(GradientNorm(at::tensor({3.0f, std::numeric_limits<float>::infinity()}))));
}

TEST(GradientClipTest, LargeNormIsScaledDownAndZeroNeverClips) {
  EXPECT_DOUBLE_EQ(ClipScale(/*norm=*/4, /*max_norm=*/1), 0.25);
  EXPECT_DOUBLE_EQ(ClipScale(/*norm=*/0.5, /*max_norm=*/1), 1);
  EXPECT_DOUBLE_EQ(ClipScale(/*norm=*/400, /*max_norm=*/0), 1);
}

}  // namespace
}  // namespace cohort::learner
