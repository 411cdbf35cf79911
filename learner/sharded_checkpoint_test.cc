// SPDX-License-Identifier: Apache-2.0
// Checkpoints of which every rank writes a part.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/flat_layout.h"
#include "learner/parameter_exchange.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/train_step_fixture.h"
#include "model/parallel/process_group.h"
#include "model/weight_sync/weight_digest.h"
#include "model/weights/model_folder.h"

namespace cohort::learner {
namespace {

using cohort::v1::OPTIMIZER_SHARDING_NONE;
using cohort::v1::OPTIMIZER_SHARDING_ZERO1;
using cohort::v1::OPTIMIZER_SHARDING_ZERO3;
using cohort::v1::OptimizerSharding;

class ShardedCheckpointTest : public TrainStepFixture {
 protected:
  // Two steps by all ranks, each of which writes its part, rank 0 last. Returns the sealed folder.
  std::string SealTwoSteps(const RunSettings& settings) {
    std::string path;
    RunRanks(settings.world_size, [&](model::ProcessGroup* group) {
      const std::unique_ptr<Rank> rank = MakeRank(settings, group);
      for (int version = 0; version < 2; ++version) ASSERT_OK(RunStep(rank.get(), MakeRolloutStep(version, 6, 4)));
      const auto part = ParameterExchange(group, &rank->state).GatherPart(OwnSpans(rank->state));
      ASSERT_OK(part);
      std::string digest;
      for (int root = 0; root < group->world_size(); ++root) {
        const auto parameters = ParameterExchange(group, &rank->state).GatherParameters(root);
        ASSERT_OK(parameters);
        if (group->rank() == root) digest = model::DescribeWeights(*parameters)->digest();
      }
      const SealOptions options = {.parent = dir_.Join(absl::StrCat("checkpoints", settings.sharding)),
                                   .model_path = model_path_,
                                   .weight_digest = digest};
      const auto seal = [&] { return SealCheckpoint(*ViewOf(rank->state, *part), options); };
      if (group->rank() > 0) {
        EXPECT_OK(seal());
      }
      ASSERT_OK(group->Barrier());
      if (group->rank() > 0) return;
      const auto sealed = seal();
      ASSERT_OK(sealed);
      path = *sealed;
    });
    return path;
  }

  // One more step after a checkpoint of two gives the weights of three steps.
  void ExpectResumesInAnyWorld(const std::string& path) {
    at::Tensor whole;
    RunRanks(1, [&](model::ProcessGroup* group) {
      const std::unique_ptr<Rank> rank = MakeRank({}, group);
      for (int version = 0; version < 3; ++version) ASSERT_OK(RunStep(rank.get(), MakeRolloutStep(version, 6, 4)));
      whole = WeightsOf(rank->state);
    });
    for (const auto& [world_size, sharding] :
         std::vector<std::pair<int, OptimizerSharding>>{{1, OPTIMIZER_SHARDING_NONE},
                                                        {2, OPTIMIZER_SHARDING_ZERO1},
                                                        {3, OPTIMIZER_SHARDING_ZERO1},
                                                        {3, OPTIMIZER_SHARDING_ZERO3},
                                                        {4, OPTIMIZER_SHARDING_NONE},
                                                        {4, OPTIMIZER_SHARDING_ZERO3}}) {
      const RunSettings readers = {.world_size = world_size, .sharding = sharding};
      RunRanks(readers.world_size, [&](model::ProcessGroup* group) {
        const std::unique_ptr<Rank> rank = MakeRank(readers, group);
        absl::StatusOr<TrainState> loaded = LoadCheckpoint(path, {.policy_version = 2}, OptimizerOf(readers), at::kCPU,
                                                           {.rank = group->rank(), .world_size = group->world_size()});
        ASSERT_OK(loaded);
        rank->state = *std::move(loaded);
        ASSERT_OK(RunStep(rank.get(), MakeRolloutStep(2, 6, 4)));
        for (int root = 0; root < group->world_size(); ++root) {
          const auto parameters = ParameterExchange(group, &rank->state).GatherParameters(root);
          ASSERT_OK(parameters);
          if (group->rank() == root) ExpectClose(WeightsOf(*parameters), whole);
        }
      });
    }
  }
};

// Trained for two steps by three ranks, each of which writes its part, and resumed by another number of ranks, sharded
// or not.
TEST_F(ShardedCheckpointTest, CheckpointOfSeveralRanksIsResumedInAnyWorld) {
  for (const OptimizerSharding writing :
       {OPTIMIZER_SHARDING_NONE, OPTIMIZER_SHARDING_ZERO1, OPTIMIZER_SHARDING_ZERO3}) {
    const std::string path = SealTwoSteps({.world_size = 3, .sharding = writing});
    ExpectResumesInAnyWorld(path);
  }
}

TEST_F(ShardedCheckpointTest, CheckpointOfSeveralRanksIsAModelFolderOfTheSameWeights) {
  const std::string path = SealTwoSteps({.world_size = 3, .sharding = OPTIMIZER_SHARDING_ZERO1});
  EXPECT_FALSE(std::filesystem::exists(path + "/model.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(path + "/model-00003-of-00003.safetensors"));
  ASSERT_OK(model::InspectModelFolder(path));
  ASSERT_OK_AND_ASSIGN(const CheckpointManifest manifest, VerifyManifest(path));
  ASSERT_OK_AND_ASSIGN(const TrainState loaded, CreateTrainState(path, OptimizerOf({}), at::kCPU));
  EXPECT_EQ(common::HexOf(model::DescribeWeights(loaded.parameters->parameters())->digest()), manifest.weight_digest);
}

TEST_F(ShardedCheckpointTest, MissingShardOfMomentsIsNamedAtLoad) {
  const std::string path = SealTwoSteps({.world_size = 3});
  ASSERT_OK_AND_ASSIGN(CheckpointManifest manifest, ReadManifest(path));
  std::erase_if(manifest.files,
                [](const ManifestEntry& file) { return file.name == "optimizer-00002-of-00003.safetensors"; });
  ASSERT_OK(WriteManifest(path, manifest));
  EXPECT_THAT(LoadCheckpoint(path, {.policy_version = 2}, OptimizerOf({}), at::kCPU),
              common::StatusIs(absl::StatusCode::kDataLoss,
                               ::testing::HasSubstr("lacks a file, optimizer-00002-of-00003.safetensors")));
}

TEST_F(ShardedCheckpointTest, RankGathersItsPartAloneAndCopiesNothingThatItHas) {
  RunRanks(3, [&](model::ProcessGroup* group) {
    for (const OptimizerSharding sharding : {OPTIMIZER_SHARDING_NONE, OPTIMIZER_SHARDING_ZERO1}) {
      const std::unique_ptr<Rank> rank = MakeRank({.world_size = 3, .sharding = sharding}, group);
      const SpanRange spans = OwnSpans(rank->state);
      const FlatRange range = RangeOf(rank->state.parameters->layout(), spans);
      const auto part = ParameterExchange(group, &rank->state).GatherPart(spans);
      ASSERT_OK(part);
      EXPECT_EQ(part->weights_R.numel(), range.size);
      EXPECT_EQ(part->exp_avg_sq_R.numel(), range.size);
      EXPECT_TRUE(part->weights_R.is_alias_of(rank->state.parameters->weights_L()));
      EXPECT_EQ(part->exp_avg_R.is_alias_of(rank->state.optimizer->exp_avg_S()), sharding == OPTIMIZER_SHARDING_NONE);
    }
  });
}

}  // namespace
}  // namespace cohort::learner
