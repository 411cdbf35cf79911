// SPDX-License-Identifier: Apache-2.0
// Checkpoints beside training, against a fake coordinator over loopback gRPC.
#include "learner/checkpoint_sealer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/clock.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/shutdown.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/checkpoint/train_state_file.h"
#include "learner/testing/fake_coordinator.h"
#include "learner/testing/own_part.h"
#include "learner/testing/tiny_model.h"
#include "model/weight_sync/weight_digest.h"

namespace cohort::learner {
namespace {

using ::testing::ElementsAre;

class CheckpointSealerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    place_.set_job("namespaces/default/jobs/test");
    place_.set_model_path(MakeTinyModel(dir_.path()));
    place_.set_checkpoint_directory(dir_.Join("checkpoints"));
    place_.mutable_spec()->mutable_optimizer()->set_learning_rate(0.01);
    place_.mutable_spec()->mutable_training()->set_num_steps(100);
    place_.mutable_spec()->mutable_checkpoint()->set_keep_last(10);
    state_ = *CreateTrainState(place_.model_path(), place_.spec().optimizer(), at::kCPU);
    server_ = *common::GrpcServer::Create("127.0.0.1:0", {&coordinator_}, /*enable_reflection=*/false);
    client_ = std::make_unique<LearnerClient>(common::CreateChannel(server_->Address()));
    membership_ = std::make_unique<GangMembership>(GangMembership::Options{.learner_id = "rank"}, client_.get(),
                                                   &shutdown_, common::SystemClock());
    sealer_ = std::make_unique<CheckpointSealer>(place_, CheckpointSealer::Options{.client = client_.get(),
                                                                                   .membership = membership_.get(),
                                                                                   .clock = common::SystemClock(),
                                                                                   .metrics = &metrics_,
                                                                                   .pause = [](absl::Duration) {}});
  }

  // What a train step does, in short: other weights, the next version.
  void Train(int64_t version) {
    const at::NoGradGuard no_grad;
    state_.parameters->weights_L().add_(0.125);
    state_.policy_version = version;
  }
  CheckpointSealer::Version Present() const {
    return {.state = &state_,
            .part = OwnPart(state_),
            .digest = model::DescribeWeights(state_.parameters->parameters())->digest(),
            .needed_version = needed_version_};
  }
  std::vector<int64_t> VersionsOnDisk() const {
    std::vector<int64_t> versions;
    for (const SealedFolder& folder : ListSealedFolders(place_.checkpoint_directory())) {
      // The digest of the weights is that of the version: nothing of a later one is in it.
      EXPECT_OK(LoadCheckpoint(folder.path,
                               {.policy_version = folder.policy_version, .spec_digest = SpecDigest(place_.spec())},
                               place_.spec().optimizer(), at::kCPU));
      versions.push_back(folder.policy_version);
    }
    return versions;
  }
  int64_t NumRecorded() const { return static_cast<int64_t>(coordinator_.record().sealed.size()); }

  common::TempDir dir_;
  cohort::v1::JoinGangResponse place_;
  TrainState state_;
  int64_t needed_version_ = 1'000'000;
  FakeCoordinator coordinator_;
  std::unique_ptr<common::GrpcServer> server_;
  common::Shutdown shutdown_;
  std::unique_ptr<LearnerClient> client_;
  std::unique_ptr<GangMembership> membership_;
  prometheus::Registry registry_;
  LearnerMetrics metrics_{&registry_};
  std::unique_ptr<CheckpointSealer> sealer_;  // before the others, which it uses, it goes
};

TEST_F(CheckpointSealerTest, StateMayChangeWhileItsCheckpointIsWritten) {
  absl::Notification has_changed;
  coordinator_.before_seal = [&has_changed] { has_changed.WaitForNotification(); };
  Train(1);
  sealer_->Seal(Present());
  Train(2);
  has_changed.Notify();
  sealer_->Finish();
  EXPECT_THAT(VersionsOnDisk(), ElementsAre(1));
  EXPECT_EQ(NumRecorded(), 1);
}

TEST_F(CheckpointSealerTest, ItIsBusyUntilWhatItWritesIsRecorded) {
  absl::Notification may_end;
  coordinator_.before_seal = [&may_end] { may_end.WaitForNotification(); };
  EXPECT_FALSE(sealer_->IsBusy());
  Train(1);
  sealer_->Seal(Present());
  EXPECT_TRUE(sealer_->IsBusy());
  may_end.Notify();
  sealer_->Finish();
  EXPECT_FALSE(sealer_->IsBusy());
}

TEST_F(CheckpointSealerTest, VersionsOfTheJobFileAndTheLastOneAreScheduled) {
  EXPECT_FALSE(sealer_->IsScheduled(2));
  place_.mutable_spec()->mutable_checkpoint()->set_every_steps(2);
  EXPECT_TRUE(sealer_->IsScheduled(2));
  EXPECT_FALSE(sealer_->IsScheduled(99));
  EXPECT_TRUE(sealer_->IsScheduled(100));
}

TEST_F(CheckpointSealerTest, RankThatHasLeftItsGangSoonGivesUpPartsThatDoNotCome) {
  common::SimulatedClock clock;
  place_.set_world_size(2);
  state_ = *CreateTrainState(place_.model_path(), place_.spec().optimizer(), at::kCPU, {.rank = 0, .world_size = 2});
  sealer_ = std::make_unique<CheckpointSealer>(
      place_, CheckpointSealer::Options{.client = client_.get(),
                                        .membership = membership_.get(),
                                        .clock = &clock,
                                        .metrics = &metrics_,
                                        .pause = [&clock](absl::Duration pause) { clock.Advance(pause); }});
  Train(1);
  sealer_->LeaveGang();
  sealer_->Seal(Present());
  sealer_->Finish();
  EXPECT_FALSE(sealer_->IsSealed(1));
  EXPECT_LT(clock.Monotonic(), absl::Seconds(10));
  EXPECT_TRUE(std::filesystem::is_empty(place_.checkpoint_directory())) << "nothing is left of it";
  sealer_.reset();
}

TEST_F(CheckpointSealerTest, EveryScheduledOneIsSealedInOrder) {
  place_.mutable_spec()->mutable_checkpoint()->set_every_steps(2);
  for (int64_t version : {2, 4, 6}) {
    Train(version);
    sealer_->Seal(Present());
  }
  sealer_->Finish();
  EXPECT_THAT(VersionsOnDisk(), ElementsAre(6, 4, 2));
  EXPECT_EQ(NumRecorded(), 3);
}

TEST_F(CheckpointSealerTest, AfterTheWaitItIsKnownWhetherAVersionIsSealed) {
  Train(1);
  sealer_->Seal(Present());
  sealer_->Finish();
  EXPECT_TRUE(sealer_->IsSealed(1));
  Train(2);
  EXPECT_FALSE(sealer_->IsSealed(2));
  sealer_->Seal(Present());
  sealer_->Finish();
  EXPECT_TRUE(sealer_->IsSealed(2)) << "the copy's memory was given back and is taken again";
  EXPECT_THAT(VersionsOnDisk(), ElementsAre(2, 1));
}

TEST_F(CheckpointSealerTest, EndSealsTheVersionThatTheDiskHadNoRoomFor) {
  std::ofstream(dir_.Join("checkpoints")) << "a file where the folder should be";
  Train(100);
  sealer_->Seal(Present());
  sealer_->Finish();
  std::filesystem::remove(dir_.Join("checkpoints"));
  ASSERT_OK(sealer_->SealAtTheEnd(Present()));
  EXPECT_THAT(VersionsOnDisk(), ElementsAre(100));
  EXPECT_EQ(NumRecorded(), 1);
}

TEST_F(CheckpointSealerTest, WhatIsKeptIsWhatTheJobAsksForAndRecoveryNeeds) {
  cohort::v1::CheckpointSpec* checkpoint = place_.mutable_spec()->mutable_checkpoint();
  checkpoint->set_every_steps(1);
  checkpoint->set_keep_last(1);
  checkpoint->set_keep_every(4);
  coordinator_.best_versions = {2};
  needed_version_ = 6;
  for (int64_t version = 1; version <= 7; ++version) {
    Train(version);
    sealer_->Seal(Present());
  }
  sealer_->Finish();
  EXPECT_THAT(VersionsOnDisk(), ElementsAre(7, 6, 4, 2));
}

TEST_F(CheckpointSealerTest, DestructionLeavesAWholeCheckpoint) {
  Train(1);
  sealer_->Seal(Present());
  sealer_.reset();
  EXPECT_THAT(VersionsOnDisk(), ElementsAre(1));
}

TEST_F(CheckpointSealerTest, MetricsSayHowLongTrainingStoodStillAndHowLargeTheCheckpointIs) {
  Train(1);
  sealer_->Seal(Present());
  sealer_->Finish();
  double size_bytes = 0, sealed_time = 0;
  uint64_t num_stalls = 0;
  for (const auto& family : registry_.Collect()) {
    if (family.metric.empty()) continue;
    if (family.name == "cohort_learner_checkpoint_bytes") size_bytes = family.metric[0].gauge.value;
    if (family.name == "cohort_learner_checkpoint_timestamp_seconds") sealed_time = family.metric[0].gauge.value;
    if (family.name == "cohort_learner_checkpoint_stall_seconds") {
      num_stalls = family.metric[0].histogram.sample_count;
    }
  }
  EXPECT_GT(size_bytes, 3.0 * static_cast<double>(state_.parameters->weights_L().nbytes()));
  EXPECT_GT(sealed_time, 1.7e9);
  EXPECT_EQ(num_stalls, 1);
}

}  // namespace
}  // namespace cohort::learner
