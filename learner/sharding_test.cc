// SPDX-License-Identifier: Apache-2.0
// Ranks that share an update over Gloo: buckets that are reduced during the backward pass, and ZeRO-1.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/testing/status_matchers.h"
#include "learner/bucket_watch.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/parameter_exchange.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/train_step_fixture.h"
#include "model/architectures/architecture_table.h"
#include "model/decoder.h"
#include "model/model_config.h"
#include "model/parallel/process_group.h"
#include "model/weight_sync/weight_digest.h"

namespace cohort::learner {
namespace {

using cohort::v1::OPTIMIZER_SHARDING_NONE;
using cohort::v1::OPTIMIZER_SHARDING_ZERO1;
using cohort::v1::OptimizerSharding;

// As RunRanks, over the loopback interface.
void RunGlooRanks(int world_size, const std::function<void(model::ProcessGroup*)>& body) {
  const auto server = model::RendezvousServer::Create("127.0.0.1");
  ASSERT_OK(server);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world_size; ++rank) {
    threads.emplace_back([&, rank] {
      model::ProcessGroupOptions options;
      options.store_address = (*server)->Address();
      options.key_prefix = "job/1";
      options.host = "127.0.0.1";
      options.rank = rank;
      options.world_size = world_size;
      const auto group = model::CreateGlooProcessGroup(options);
      ASSERT_OK(group);
      body(group->get());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

class ShardingTest : public TrainStepFixture {
 protected:
  struct Result {
    at::Tensor weights;
    std::vector<double> losses;
    std::vector<double> norms;
    double update_ratio = 0;
  };

  // The rank's state again, in buckets of that size.
  static void CutBuckets(const RunSettings& settings, int64_t bucket_numbers, TrainState* state) {
    const at::NoGradGuard no_grad;
    const model::ModelConfig config = state->decoder->config();
    TrainState cut;
    cut.parameters =
        *FlatParameters::Create(SelectParameters(model::FindArchitecture(config.architecture)->parameters(config)),
                                at::kCPU, state->parameters->place(), bucket_numbers);
    for (const auto& [name, view] : cut.parameters->parameters().entries) {
      view.copy_(state->parameters->parameters().Find(name));
    }
    cut.optimizer = *AdamW::Create(OptimizerOf(settings), cut.parameters.get());
    cut.decoder = *model::Decoder::Create(config, cut.parameters->parameters());
    *state = std::move(cut);
  }

  // Lengths are random, so the ranks' token counts differ; with fewer groups than ranks some have no sequence.
  Result Train(const RunSettings& settings, int num_groups, int64_t bucket_numbers = kBucketNumbers) {
    std::vector<Result> results(settings.world_size);
    RunGlooRanks(settings.world_size, [&](model::ProcessGroup* group) {
      const std::unique_ptr<Rank> rank = MakeRank(settings, group);
      CutBuckets(settings, bucket_numbers, &rank->state);
      if (bucket_numbers < kBucketNumbers) {
        EXPECT_GT(rank->state.parameters->layout().buckets.size(), 4);
      }
      Result& result = results[group->rank()];
      StepTotals sums;
      for (int version = 0; version < 3; ++version) {
        const auto outcome = RunStep(rank.get(), MakeRolloutStep(version, num_groups, 4));
        ASSERT_OK(outcome);
        const at::Tensor loss = at::full({1}, outcome->totals.Get("sum_loss"), at::kDouble);
        ASSERT_OK(group->AllReduceSum(loss));
        result.losses.push_back(loss.item<double>());
        result.norms.push_back(outcome->gradient_norm_mean);
        for (const char* name : {"sum_squared_change", "sum_squared_weights"}) {
          const at::Tensor sum = at::full({1}, outcome->totals.Get(name), at::kDouble);
          ASSERT_OK(group->AllReduceSum(sum));
          sums.Add(name, sum.item<double>());
        }
      }
      result.weights = WeightsOf(rank->state);
      result.update_ratio = StepMetrics(sums, {}).at("update_ratio");
    });
    for (const Result& other : results) EXPECT_TRUE(at::equal(other.weights, results[0].weights));
    return results[0];
  }

  void ExpectSame(const Result& found, const Result& expected) {
    ExpectClose(found.weights, expected.weights);
    EXPECT_THAT(found.losses, ::testing::Pointwise(::testing::DoubleNear(1e-4), expected.losses));
    EXPECT_THAT(found.norms, ::testing::Pointwise(::testing::DoubleNear(1e-3), expected.norms));
    EXPECT_NEAR(found.update_ratio, expected.update_ratio, 1e-3 * expected.update_ratio);
  }
};

TEST_F(ShardingTest, EveryWorldAndShardingGivesTheWeightsOfOneRank) {
  for (const int num_groups : {6, 2}) {
    const Result one = Train({.world_size = 1}, num_groups);
    EXPECT_GT(one.update_ratio, 0);
    for (const int world_size : {1, 2, 3, 4}) {
      for (const OptimizerSharding sharding : {OPTIMIZER_SHARDING_NONE, OPTIMIZER_SHARDING_ZERO1}) {
        SCOPED_TRACE(testing::Message() << world_size << " ranks, sharding " << sharding << ", groups " << num_groups);
        // Several microbatches, only the last of which releases buckets.
        ExpectSame(Train({.world_size = world_size, .max_tokens_per_microbatch = 60, .sharding = sharding}, num_groups),
                   one);
      }
    }
  }
}

TEST_F(ShardingTest, SameRunGivesTheSameBytes) {
  const RunSettings settings = {.world_size = 3, .sharding = OPTIMIZER_SHARDING_ZERO1};
  EXPECT_TRUE(at::equal(Train(settings, 6, 500).weights, Train(settings, 6, 500).weights));
}

// Buckets are reduced while layers are computed again.
TEST_F(ShardingTest, RecomputedActivationsGiveTheSameBytes) {
  for (const OptimizerSharding sharding : {OPTIMIZER_SHARDING_NONE, OPTIMIZER_SHARDING_ZERO1}) {
    RunSettings settings = {.world_size = 2, .max_tokens_per_microbatch = 60, .sharding = sharding};
    const Result kept = Train(settings, 6, 500);
    settings.recompute_activations = true;
    const Result recomputed = Train(settings, 6, 500);
    EXPECT_TRUE(at::equal(recomputed.weights, kept.weights)) << sharding;
    EXPECT_EQ(recomputed.losses, kept.losses) << sharding;
    EXPECT_EQ(recomputed.norms, kept.norms) << sharding;
  }
}

TEST_F(ShardingTest, ShardedRankKeepsItsShareOfTheMoments) {
  RunRanks(4, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.sharding = OPTIMIZER_SHARDING_ZERO1}, group);
    EXPECT_EQ(rank->state.optimizer->exp_avg_S().numel() * 4, rank->state.parameters->weights_P().numel());
  });
}

// Trained for two steps by three sharded ranks, sealed, and resumed by another number of ranks, sharded or not.
TEST_F(ShardingTest, CheckpointOfShardedRanksIsResumedInAnyWorld) {
  std::string path;
  const RunSettings writers = {.world_size = 3, .sharding = OPTIMIZER_SHARDING_ZERO1};
  RunRanks(3, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank(writers, group);
    for (int version = 0; version < 2; ++version) ASSERT_OK(RunStep(rank.get(), MakeRolloutStep(version, 6, 4)));
    const auto moments = ParameterExchange(group, &rank->state).GatherMoments();
    ASSERT_OK(moments);
    EXPECT_EQ(moments->exp_avg_P.defined(), group->rank() == 0);
    if (group->rank() != 0) return;
    const auto sealed =
        SealCheckpoint(*ViewOf(rank->state, *moments),
                       {.parent = dir_.Join("checkpoints"),
                        .model_path = model_path_,
                        .weight_digest = model::DescribeWeights(rank->state.parameters->parameters())->digest()});
    ASSERT_OK(sealed);
    path = *sealed;
  });
  const at::Tensor whole = Train({}, 6).weights;  // three steps
  for (const auto& [world_size, sharding] :
       std::vector<std::pair<int, OptimizerSharding>>{{1, OPTIMIZER_SHARDING_NONE},
                                                      {2, OPTIMIZER_SHARDING_ZERO1},
                                                      {3, OPTIMIZER_SHARDING_ZERO1},
                                                      {4, OPTIMIZER_SHARDING_NONE}}) {
    const RunSettings readers = {.world_size = world_size, .sharding = sharding};
    RunRanks(readers.world_size, [&](model::ProcessGroup* group) {
      const std::unique_ptr<Rank> rank = MakeRank(readers, group);
      absl::StatusOr<TrainState> loaded = LoadCheckpoint(path, {.policy_version = 2}, OptimizerOf(readers), at::kCPU,
                                                         {.rank = group->rank(), .world_size = group->world_size()});
      ASSERT_OK(loaded);
      rank->state = *std::move(loaded);
      ASSERT_OK(RunStep(rank.get(), MakeRolloutStep(2, 6, 4)));
      ExpectClose(WeightsOf(rank->state), whole);
    });
  }
}

TEST_F(ShardingTest, GradientThatIsNotFiniteOnOneRankStopsAllBeforeTheUpdate) {
  RunRanks(3, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.num_updates = 1, .sharding = OPTIMIZER_SHARDING_ZERO1}, group);
    const at::Tensor before = WeightsOf(rank->state);
    const WholeStep step = MakeRolloutStep(0, 3, 4);
    absl::StatusOr<StepData> data = BuildStepData(step.ForRank(group->rank(), 3), rank->data_options);
    ASSERT_OK(data);
    if (group->rank() == 1) {
      data->updates[0].sequences[2].advantage = 1e60;  // infinite in fp32
    }
    PhaseTimer timer(common::SystemClock());
    const absl::Status status = rank->step->Run(*data, &timer).status();
    EXPECT_EQ(status.code(), group->rank() == 1 ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kUnavailable);
    if (group->rank() == 1) {
      EXPECT_THAT(std::string(status.message()), ::testing::EndsWith("), group 1 sibling 2")) << "and of no other";
    }
    EXPECT_EQ(rank->state.num_updates, 0);
    EXPECT_TRUE(at::equal(WeightsOf(rank->state), before));
  });
}

class BucketWatchTest : public TrainStepFixture {
 protected:
  // One number a bucket, so that every parameter has a bucket of its own.
  static std::unique_ptr<FlatParameters> ThreeBuckets() {
    return *FlatParameters::Create(SelectParameters({{"a", {4}}, {"b", {4}}, {"c", {4}}}), at::kCPU, {}, 1);
  }
};

TEST_F(BucketWatchTest, BucketsCompleteInOrderAndOnlyAfterAllUsesOfTheirParameters) {
  const auto flat = ThreeBuckets();
  const at::Tensor a = flat->parameters().Find("a"), b = flat->parameters().Find("b"), c = flat->parameters().Find("c");
  std::vector<int64_t> complete;
  at::Tensor gradient_when_complete;
  {
    BucketWatch watch(flat.get(), [&](int64_t num_buckets) {
      complete.push_back(num_buckets);
      if (num_buckets == 3) gradient_when_complete = flat->gradients_P().clone();
    });
    // "a" is used first and last, as a tied embedding is.
    ((a * 2 + b) * 3 + c + a).sum().backward();
    EXPECT_OK(watch.status());
  }
  ASSERT_FALSE(complete.empty());
  EXPECT_TRUE(std::is_sorted(complete.begin(), complete.end()));
  EXPECT_EQ(complete.back(), 3);
  EXPECT_TRUE(at::equal(gradient_when_complete, flat->gradients_P()));
  EXPECT_TRUE(at::equal(a.grad(), at::full({4}, 7.0f)));
  const size_t num_calls = complete.size();
  (a + b + c).sum().backward();  // nobody watches any more
  EXPECT_EQ(complete.size(), num_calls);
}

TEST_F(BucketWatchTest, BucketOfAnUnusedParameterHoldsUpThoseBehindIt) {
  const auto flat = ThreeBuckets();
  std::vector<int64_t> complete;
  BucketWatch watch(flat.get(), [&](int64_t num_buckets) { complete.push_back(num_buckets); });
  (flat->parameters().Find("a") + flat->parameters().Find("c")).sum().backward();
  EXPECT_EQ(complete, std::vector<int64_t>{1});  // "c" alone: "b" comes before "a"
  EXPECT_OK(watch.status());
}

TEST_F(BucketWatchTest, SecondGradientInAPassIsAnErrorByName) {
  const auto flat = ThreeBuckets();
  BucketWatch watch(flat.get(), [](int64_t) {});
  for (int pass = 0; pass < 2; ++pass) flat->parameters().Find("b").sum().backward();
  EXPECT_THAT(watch.status(), common::StatusIs(absl::StatusCode::kInternal, ::testing::HasSubstr(", b")));
}

}  // namespace
}  // namespace cohort::learner
