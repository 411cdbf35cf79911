// SPDX-License-Identifier: Apache-2.0
#include "learner/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "kernels/torch/tensor_memory.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/train_state_file.h"
#include "learner/testing/trainer_fixture.h"

namespace cohort::learner {
namespace {

using ::testing::ElementsAre;

class TrainerTest : public TrainerFixture {
 protected:
  double Gauge(const std::string& name) const {
    for (const auto& family : registry_.Collect()) {
      if (family.name == name && !family.metric.empty()) return family.metric.at(0).gauge.value;
    }
    return -1;
  }

  std::vector<std::string> NamesIn(const std::string& folder) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.Join(folder))) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  double IdleSeconds(const std::string& reason) const {
    for (const auto& family : registry_.Collect()) {
      if (family.name != "cohort_learner_idle_seconds_total") continue;
      for (const auto& metric : family.metric) {
        if (metric.label.at(0).value == reason) return metric.counter.value;
      }
    }
    return -1;
  }
};

TEST_F(TrainerTest, PeersWaitInShortCollectivesWhileTheCommitOfAStepThatSealsIsRefused) {
  FakeGang gang(2);
  FakeCoordinator coordinator;
  coordinator.seal_after_version = 1;
  int num_refusals = 0;
  int64_t num_rounds = 0;  // when the first commit came
  coordinator.before_commit = [&] {
    if (num_refusals == 0) num_rounds = gang.num_rounds();
    if (gang.num_rounds() >= num_rounds + 3) return grpc::Status::OK;
    if (++num_refusals > 20) return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "peers wait in a collective");
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "No space left on device");
  };
  Train(&gang, &coordinator);
  EXPECT_GE(num_refusals, 1);
  EXPECT_THAT(coordinator.record().commits, ElementsAre(1, 2));
  EXPECT_THAT(coordinator.record().sealed,
              ElementsAre(dir_.Join("checkpoints/step-000001"), dir_.Join("checkpoints/step-000002")));
}

TEST_F(TrainerTest, EveryRankWritesItsPartAndTheLastVersionIsSealedOnce) {
  FakeGang gang(3);
  FakeCoordinator coordinator;
  coordinator.seal_after_version = 2;
  Train(&gang, &coordinator);
  const std::string path = dir_.Join("checkpoints/step-000002");
  EXPECT_THAT(coordinator.record().sealed, ElementsAre(path));
  ASSERT_OK_AND_ASSIGN(const CheckpointManifest manifest, VerifyManifest(path));
  int num_shards = 0;
  for (const ManifestEntry& file : manifest.files)
    num_shards += file.name.find("-of-00003.safetensors") != file.name.npos;
  EXPECT_EQ(num_shards, 6) << "of weights and of moments";
  ASSERT_OK_AND_ASSIGN(const TrainState loaded,
                       LoadCheckpoint(path, {.policy_version = 2, .spec_digest = SpecDigest(place_.spec())},
                                      place_.spec().optimizer(), at::kCPU));
  EXPECT_EQ(loaded.num_updates, 2);
  EXPECT_THAT(NamesIn("checkpoints"), ElementsAre("step-000002"));
}

TEST_F(TrainerTest, CheckpointThatRecoveryAskedForIsLeftOutOnAllRanksWhileOneStillWrites) {
  place_.mutable_spec()->mutable_training()->set_num_steps(3);
  place_.mutable_spec()->mutable_checkpoint()->set_keep_last(5);
  FakeGang gang(2);
  FakeCoordinator coordinator;
  coordinator.seals_every_version = true;
  coordinator.before_seal = [&coordinator] { coordinator.AwaitCommit(2); };
  Train(&gang, &coordinator);
  EXPECT_THAT(coordinator.record().commits, ElementsAre(1, 2, 3));
  EXPECT_THAT(NamesIn("checkpoints"), ElementsAre("step-000001", "step-000003"));
}

TEST_F(TrainerTest, RankThatCannotWriteItsPartIsNamedByRankZeroAndNothingIsLeft) {
  // A folder where the second file of moments should be.
  std::filesystem::create_directories(dir_.Join("checkpoints/.tmp-2-gang-1/optimizer-00002-of-00002.safetensors/x"));
  FakeGang gang(2);
  FakeCoordinator coordinator;
  coordinator.make_step = [](int64_t version) { return MakeRolloutStep(version, 4, 4); };
  const std::vector<absl::Status> ended = RunRanksToTheirEnd(&gang, &coordinator);
  EXPECT_THAT(ended[0], common::StatusIs(absl::StatusCode::kFailedPrecondition,
                                         ::testing::HasSubstr("version 2 not sealed: rank 1: ")));
  EXPECT_OK(ended[1]);
  EXPECT_THAT(coordinator.record().sealed, ElementsAre());
  EXPECT_THAT(NamesIn("checkpoints"), ElementsAre());
}

TEST_F(TrainerTest, IdleTimeIsThatOfThePlanUnlessTheCoordinatorGivesNoAnswer) {
  FakeGang gang(1);
  FakeCoordinator coordinator;
  int num_polls = 0;
  coordinator.before_step = [&] {
    ++num_polls;
    if (num_polls == 1) {
      clock_.Advance(absl::Seconds(13));
      return grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "nobody answers");
    }
    if (num_polls == 2) {
      clock_.Advance(absl::Seconds(5));
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "no plan yet");  // the channel tries again by itself
    }
    if (num_polls == 3) clock_.Advance(absl::Seconds(2));
    return grpc::Status::OK;
  };
  Train(&gang, &coordinator);
  EXPECT_EQ(IdleSeconds("plan"), 5 + 2);
  EXPECT_EQ(IdleSeconds("coordinator"), 13);
  EXPECT_THAT(coordinator.record().commits, ElementsAre(1, 2));
}

TEST_F(TrainerTest, MemoryOfTheStepsIsMeasuredBesideWhatWasPredicted) {
  kernels::TensorMemory tensors;
  tensors_ = &tensors;
  FakeGang gang(1);
  FakeCoordinator coordinator;
  Train(&gang, &coordinator);
  EXPECT_THAT(coordinator.record().commits, ElementsAre(1, 2));
  const double predicted = Gauge("cohort_learner_memory_predicted_bytes");
  EXPECT_GT(predicted, 0);
  // A model this tiny takes as much for its small tensors; memory_watch_test.cc has a larger one.
  EXPECT_GT(Gauge("cohort_learner_memory_peak_bytes"), 0.5 * predicted);
  EXPECT_LT(Gauge("cohort_learner_memory_peak_bytes"), 2 * predicted);
}

}  // namespace
}  // namespace cohort::learner
