// SPDX-License-Identifier: Apache-2.0
// Ranks that share an update over Gloo: buckets that are reduced during the backward pass, ZeRO-1 and ZeRO-3.
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
#include "learner/parameter_exchange.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/train_step_fixture.h"
#include "learner/version_digest.h"
#include "model/architectures/architecture_table.h"
#include "model/decoder.h"
#include "model/model_config.h"
#include "model/parallel/process_group.h"
#include "model/weight_sync/weight_digest.h"

namespace cohort::learner {
namespace {

using cohort::v1::OPTIMIZER_SHARDING_NONE;
using cohort::v1::OPTIMIZER_SHARDING_ZERO1;
using cohort::v1::OPTIMIZER_SHARDING_ZERO3;
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
                                at::kCPU, state->parameters->place(), {.layout = {.bucket_numbers = bucket_numbers}});
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
      // Sharded layers are buckets whatever their size.
      if (settings.sharding != OPTIMIZER_SHARDING_ZERO3) CutBuckets(settings, bucket_numbers, &rank->state);
      if (settings.sharding != OPTIMIZER_SHARDING_ZERO3 && bucket_numbers < kBucketNumbers) {
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
      result.weights = AllWeights(rank->state, group);
      result.update_ratio = StepMetrics(sums, {}).at("update_ratio");
    });
    for (const Result& other : results) EXPECT_TRUE(at::equal(other.weights, results[0].weights));
    return results[0];
  }

  // On every rank, also those of layers of which it has pieces alone.
  static at::Tensor AllWeights(const TrainState& state, model::ProcessGroup* group) {
    if (state.layers == nullptr) return WeightsOf(state);
    std::vector<at::Tensor> weights;
    for (int root = 0; root < group->world_size(); ++root) {
      const auto parameters = ParameterExchange(group, &state).GatherParameters(root);
      EXPECT_OK(parameters);
      EXPECT_EQ(parameters->entries.empty(), group->rank() != root);
      for (const auto& [name, view] : parameters->entries) weights.push_back(view.flatten());
    }
    return at::cat(weights);
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
      for (const OptimizerSharding sharding :
           {OPTIMIZER_SHARDING_NONE, OPTIMIZER_SHARDING_ZERO1, OPTIMIZER_SHARDING_ZERO3}) {
        SCOPED_TRACE(testing::Message() << world_size << " ranks, sharding " << sharding << ", groups " << num_groups);
        // Several microbatches, only the last of which releases buckets.
        ExpectSame(Train({.world_size = world_size, .max_tokens_per_microbatch = 60, .sharding = sharding}, num_groups),
                   one);
      }
    }
  }
}

TEST_F(ShardingTest, SameRunGivesTheSameBytes) {
  for (const OptimizerSharding sharding : {OPTIMIZER_SHARDING_ZERO1, OPTIMIZER_SHARDING_ZERO3}) {
    const RunSettings settings = {.world_size = 3, .sharding = sharding};
    EXPECT_TRUE(at::equal(Train(settings, 6, 500).weights, Train(settings, 6, 500).weights)) << sharding;
  }
}

// One rank has all pieces: nothing is left but the order in which gradients are added up, and that is the same.
TEST_F(ShardingTest, Zero3OfOneRankGivesTheBytesOfNoSharding) {
  RunSettings settings = {.max_tokens_per_microbatch = 60, .recompute_activations = true};
  const Result whole = Train(settings, 6);
  settings.sharding = OPTIMIZER_SHARDING_ZERO3;
  const Result sharded = Train(settings, 6);
  EXPECT_TRUE(at::equal(sharded.weights, whole.weights));
  EXPECT_EQ(sharded.losses, whole.losses);
  EXPECT_EQ(sharded.norms, whole.norms);
}

// Passes without gradients, of the policy for proximal log-probs and of a reference policy that is sharded too, also on
// ranks that have fewer sequences or none.
TEST_F(ShardingTest, Zero3WithAReferencePolicyGivesTheWeightsOfOneRank) {
  RunSettings settings = {.num_updates = 3, .max_tokens_per_microbatch = 60};
  settings.objective.set_preset("grpo");
  settings.objective.mutable_kl()->set_coefficient(0.1);
  const Result one = Train(settings, 4);
  settings.world_size = 3;
  settings.sharding = OPTIMIZER_SHARDING_ZERO3;
  ExpectSame(Train(settings, 4), one);
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
    EXPECT_EQ(rank->state.optimizer->exp_avg_S().numel() * 4, rank->state.parameters->weights_L().numel());
  });
}

TEST_F(ShardingTest, RankKeepsItsShareOfLayersTheirGradientsAndMoments) {
  RunRanks(4, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.sharding = OPTIMIZER_SHARDING_ZERO3}, group);
    const FlatParameters& parameters = *rank->state.parameters;
    int64_t num_layer_numbers = 0;
    for (const FlatBucket& bucket : parameters.layout().buckets) {
      if (bucket.layer >= 0) num_layer_numbers += bucket.range.size;
    }
    EXPECT_GT(num_layer_numbers, 0);
    EXPECT_EQ(parameters.weights_L().numel(), parameters.layout().size - num_layer_numbers * 3 / 4);
    EXPECT_EQ(parameters.gradients_L().numel(), parameters.weights_L().numel());
    EXPECT_EQ(rank->state.optimizer->exp_avg_S().numel() * 4, parameters.layout().size);
  });
}

// What ranks have whole is the same on all of them, or one of them is wrong.
TEST_F(ShardingTest, RanksThatShareLayersKnowTheVersionByOneDigestAndCompareTheRest) {
  std::vector<VersionDigest> digests(3);
  RunRanks(3, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.sharding = OPTIMIZER_SHARDING_ZERO3}, group);
    int num_calls = 0;
    const auto digest_of = [&](const model::ParameterMap& parameters) -> absl::StatusOr<std::string> {
      ++num_calls;
      EXPECT_EQ(parameters.entries.size(), rank->state.parameters->layout().spans.size());
      return model::DescribeWeights(parameters)->digest();
    };
    const auto before = DigestVersion(rank->state, group, absl::Seconds(5), digest_of);
    ASSERT_OK(before);
    EXPECT_EQ(num_calls, group->rank() == 0 ? 1 : 0);
    if (group->rank() == 0) {
      const auto whole = CreateTrainState(model_path_, OptimizerOf({}), at::kCPU);
      EXPECT_EQ(before->weights, model::DescribeWeights(whole->parameters->parameters())->digest());
    }
    if (group->rank() == 1) rank->state.parameters->parameters().Find("model.norm.weight").detach().add_(1);
    const auto after = DigestVersion(rank->state, group, absl::Seconds(5), digest_of);
    ASSERT_OK(after);
    EXPECT_EQ(after->weights, before->weights) << "of rank 0";
    EXPECT_EQ(after->compared == before->compared, group->rank() != 1);
    digests[group->rank()] = *before;
  });
  for (const VersionDigest& digest : digests) {
    EXPECT_EQ(digest.weights, digests[0].weights);
    EXPECT_EQ(digest.compared, digests[0].compared);
  }
}

class NotFiniteTest : public ShardingTest {
 protected:
  // Three ranks, one of which gets a credit that is infinite in fp32 for one of its sequences.
  std::vector<absl::Status> Run(OptimizerSharding sharding) {
    std::vector<absl::Status> statuses(3);
    RunRanks(3, [&](model::ProcessGroup* group) {
      const std::unique_ptr<Rank> rank = MakeRank({.num_updates = 1, .sharding = sharding}, group);
      const at::Tensor before = rank->state.parameters->weights_L().clone();
      const WholeStep step = MakeRolloutStep(0, 3, 4);
      absl::StatusOr<StepData> data = BuildStepData(step.ForRank(group->rank(), 3), rank->data_options);
      ASSERT_OK(data);
      if (group->rank() == 1) data->updates[0].sequences[2].advantage = 1e60;
      PhaseTimer timer(common::SystemClock());
      statuses[group->rank()] = rank->step->Run(*data, &timer).status();
      EXPECT_EQ(rank->state.num_updates, 0);
      EXPECT_TRUE(at::equal(rank->state.parameters->weights_L(), before));
    });
    return statuses;
  }
};

TEST_F(NotFiniteTest, GradientOnOneRankStopsAllBeforeTheUpdateAndNamesTheSequence) {
  const std::vector<absl::Status> statuses = Run(OPTIMIZER_SHARDING_ZERO1);
  for (const int other : {0, 2}) EXPECT_EQ(statuses[other].code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(statuses[1].code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(statuses[1].message()), ::testing::EndsWith("), group 1 sibling 2")) << "and of no other";
}

TEST_F(NotFiniteTest, RanksThatShareLayersStopTogetherAndLeaveTheSearchToAReplay) {
  for (const absl::Status& status : Run(OPTIMIZER_SHARDING_ZERO3)) {
    EXPECT_THAT(status, common::StatusIs(absl::StatusCode::kInvalidArgument,
                                         ::testing::HasSubstr("which sequence is to blame only a replay says")));
  }
}

}  // namespace
}  // namespace cohort::learner
