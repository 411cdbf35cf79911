// SPDX-License-Identifier: Apache-2.0
// Which checkpoint a gang begins with when some are damaged.
#include "learner/start_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/checkpoint/train_state_file.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/own_part.h"
#include "learner/testing/tiny_model.h"
#include "model/weight_sync/weight_digest.h"

namespace cohort::learner {
namespace {

namespace fs = std::filesystem;
using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class StartStateTest : public ::testing::Test {
 protected:
  // Checkpoints of versions 2, 4 and 6, the last of which the coordinator names.
  void SetUp() override {
    place_.set_job("namespaces/default/jobs/test");
    place_.set_model_path(MakeTinyModel(dir_.path()));
    place_.set_checkpoint_directory(dir_.Join("checkpoints"));
    place_.mutable_spec()->mutable_optimizer()->set_learning_rate(0.01);
    TrainState state = *CreateTrainState(place_.model_path(), place_.spec().optimizer(), at::kCPU);
    for (int64_t version : {2, 4, 6}) {
      state.policy_version = version;
      state.num_updates = 10 * version;
      const auto path =
          SealCheckpoint(*ViewOf(state, OwnPart(state)),
                         {.parent = place_.checkpoint_directory(),
                          .model_path = place_.model_path(),
                          .weight_digest = model::DescribeWeights(state.parameters->parameters())->digest(),
                          .incarnation = 1,
                          .spec_digest = SpecDigest(place_.spec())});
      ASSERT_OK(path);
      place_.set_resume_checkpoint(*path);
    }
    place_.set_resume_version(6);
  }

  std::string Checkpoint(int64_t version) const {
    return absl::StrCat(place_.checkpoint_directory(), "/step-00000", version);
  }

  static void Truncate(const std::string& path) { fs::resize_file(path, fs::file_size(path) - 4); }

  absl::StatusOr<TrainState> LoadAlone() {
    FakeGang gang(1);
    FakeProcessGroup group(&gang, 0);
    return LoadStartState(place_, at::kCPU, &group, &metrics_);
  }

  double NumDamaged() {
    for (const auto& family : registry_.Collect()) {
      if (family.name == "cohort_learner_damaged_checkpoints_total") return family.metric.at(0).counter.value;
    }
    return 0;
  }

  common::TempDir dir_;
  cohort::v1::JoinGangResponse place_;
  prometheus::Registry registry_;
  LearnerMetrics metrics_{&registry_};
};

TEST_F(StartStateTest, NewestValidCheckpointIsTaken) {
  ASSERT_OK_AND_ASSIGN(const TrainState state, LoadAlone());
  EXPECT_EQ(state.policy_version, 6);
  EXPECT_EQ(state.num_updates, 60);
  EXPECT_EQ(NumDamaged(), 0);
}

TEST_F(StartStateTest, DamagedNewestIsSetAsideAndTheOneBeforeTaken) {
  Truncate(Checkpoint(6) + "/optimizer.safetensors");
  ASSERT_OK_AND_ASSIGN(const TrainState state, LoadAlone());
  EXPECT_EQ(state.policy_version, 4);
  EXPECT_EQ(state.num_updates, 40);
  EXPECT_EQ(NumDamaged(), 1);
  EXPECT_FALSE(fs::exists(Checkpoint(6)));
  EXPECT_TRUE(fs::exists(dir_.Join("checkpoints/damaged-step-000006/model.safetensors")));
}

TEST_F(StartStateTest, EveryKindOfDamageIsPassedOver) {
  std::ofstream(Checkpoint(6) + "/manifest.json") << "{";
  fs::remove(Checkpoint(4) + "/train_state.json");
  ASSERT_OK_AND_ASSIGN(const TrainState state, LoadAlone());
  EXPECT_EQ(state.policy_version, 2);
  EXPECT_EQ(NumDamaged(), 2);
}

TEST_F(StartStateTest, FolderThatVanishedIsPassedOver) {
  fs::remove_all(Checkpoint(6));
  ASSERT_OK_AND_ASSIGN(const TrainState state, LoadAlone());
  EXPECT_EQ(state.policy_version, 4);
}

TEST_F(StartStateTest, WithoutAnyValidCheckpointTheModelIsTaken) {
  for (int64_t version : {2, 4, 6}) Truncate(Checkpoint(version) + "/model.safetensors");
  ASSERT_OK_AND_ASSIGN(const TrainState state, LoadAlone());
  EXPECT_EQ(state.policy_version, 0);
  EXPECT_EQ(state.num_updates, 0);
  EXPECT_EQ(NumDamaged(), 3);
}

TEST_F(StartStateTest, WithoutTheModelEitherEverythingIsNamed) {
  for (int64_t version : {2, 4, 6}) Truncate(Checkpoint(version) + "/model.safetensors");
  fs::remove_all(place_.model_path());
  const absl::Status status = LoadAlone().status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(place_.model_path()), HasSubstr("step-000006"),
                                                   HasSubstr("step-000004"), HasSubstr("step-000002")));
}

TEST_F(StartStateTest, NewerFoldersThanTheCoordinatorNamesAreLeftAlone) {
  place_.set_resume_checkpoint(Checkpoint(4));
  place_.set_resume_version(4);
  ASSERT_OK_AND_ASSIGN(const TrainState state, LoadAlone());
  EXPECT_EQ(state.policy_version, 4);
  EXPECT_TRUE(fs::exists(Checkpoint(6)));
}

TEST_F(StartStateTest, CheckpointOfAnotherSpecStopsByNameAndStaysWhereItIs) {
  place_.mutable_spec()->mutable_training()->set_seed(9);
  EXPECT_THAT(LoadAlone(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("step-000006")));
  EXPECT_TRUE(fs::exists(Checkpoint(6)));
}

// Rank 1 sees another copy of the folder: its newest is damaged, rank 2's two newest are.
TEST_F(StartStateTest, RanksAgreeOnTheNewestThatIsValidOnAll) {
  std::vector<cohort::v1::JoinGangResponse> places(3, place_);
  for (int rank : {1, 2}) {
    const std::string copy = dir_.Join(absl::StrCat("copy", rank));
    fs::copy(place_.checkpoint_directory(), copy, fs::copy_options::recursive);
    places[rank].set_rank(rank);
    places[rank].set_checkpoint_directory(copy);
    places[rank].set_resume_checkpoint(copy + "/step-000006");
    Truncate(copy + "/step-000006/model.safetensors");
  }
  Truncate(places[2].checkpoint_directory() + "/step-000004/model.safetensors");
  RunRanks(3, [&](model::ProcessGroup* group) {
    const absl::StatusOr<TrainState> state = LoadStartState(places[group->rank()], at::kCPU, group, &metrics_);
    ASSERT_OK(state);
    EXPECT_EQ(state->policy_version, 2);
    EXPECT_EQ(state->num_updates, 20);
  });
  EXPECT_TRUE(fs::exists(Checkpoint(6)));  // rank 0 saw nothing wrong with it
  EXPECT_TRUE(fs::exists(dir_.Join("copy1/step-000006")));
}

}  // namespace
}  // namespace cohort::learner
