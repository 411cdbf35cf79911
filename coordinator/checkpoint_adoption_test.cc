// SPDX-License-Identifier: Apache-2.0
// Checkpoints on disk that the store does not know, and payload that is not kept.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/manifest_text.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class CheckpointAdoptionTest : public BenchCoordinator {
 protected:
  // A job that has committed versions 1 ('b') and 2 ('c'), and sealed nothing.
  void TrainTwoSteps() {
    place_ = StartSums(SmallSftSpec());
    for (int version = 0; version < 2; ++version) {
      ASSERT_OK(GetPlan(place_, version));
      ASSERT_OK(Commit(place_, version + 1, static_cast<char>('b' + version)));
    }
  }
  // As a rank leaves it that dies before it has said so.
  void LeaveCheckpoint(int64_t version, const std::string& digest_hex, const std::string& weights = "weights") {
    const std::string folder = absl::StrCat(place_.checkpoint_directory(), "/step-00000", version);
    std::filesystem::create_directories(folder);
    ASSERT_OK(common::WriteFileAtomically(folder + "/model.safetensors", weights));
    ASSERT_OK(common::WriteFileAtomically(
        folder + "/manifest.json", ManifestText(version, {ManifestEntry("model.safetensors", "weights")}, digest_hex)));
  }
  static std::string Hex(const std::string& byte) {
    std::string hex;
    for (int i = 0; i < 32; ++i) hex += byte;
    return hex;
  }

  cohort::v1::JoinGangResponse place_;
};

TEST_F(CheckpointAdoptionTest, SealedButNotRecordedIsAdopted) {
  TrainTwoSteps();
  LeaveCheckpoint(2, Hex("63"));
  Restart();
  place_ = Join();
  EXPECT_EQ(place_.resume_version(), 2);
  EXPECT_THAT(place_.resume_checkpoint(), EndsWith("/step-000002"));
  EXPECT_EQ(Get("sums").checkpoint_path(), place_.resume_checkpoint());
  std::string notices;
  const auto events = store_.ListEvents(NameOf("sums"), 0, 100);
  for (const auto& event : *events) notices += event.notice();
  EXPECT_THAT(notices, HasSubstr("adopted the checkpoint of version 2"));
}

TEST_F(CheckpointAdoptionTest, OtherWeightsOrHalfACheckpointAreNot) {
  TrainTwoSteps();
  LeaveCheckpoint(1, Hex("63"));
  LeaveCheckpoint(2, Hex("63"), "cut");
  Restart();
  place_ = Join();
  EXPECT_EQ(place_.resume_version(), 0);
  EXPECT_EQ(Get("sums").checkpoint_path(), "");
}

TEST_F(CheckpointAdoptionTest, OneThatIsNewerThanTheStoreEndsTheJobByName) {
  TrainTwoSteps();
  LeaveCheckpoint(3, Hex("64"));
  Restart();
  EXPECT_EQ(Join().job(), "");
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_THAT(Get("sums").state_reason(),
              AllOf(HasSubstr("the checkpoint of version 3 is newer than the store, which ends at 2"),
                    HasSubstr("nothing was changed")));
  EXPECT_TRUE(std::filesystem::exists(place_.checkpoint_directory() + "/step-000003/manifest.json"));
}

TEST_F(CheckpointAdoptionTest, PayloadBeforeTheCheckpointIsReleasedAndThatAfterItIsNot) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_retention()->set_covered(true);
  ASSERT_OK(Create("sums", spec));
  const auto place = Join();
  ASSERT_OK(Publish(place, 0, 'a'));
  for (int version = 0; version < 2; ++version) {
    ASSERT_OK(Submit(Claim("worker", 100)));
    ASSERT_OK(GetPlan(place, version));
    ASSERT_OK(Commit(place, version + 1, static_cast<char>('b' + version)));
    ASSERT_OK(Publish(place, version + 1, static_cast<char>('b' + version)));
    Tick();
  }
  const auto has_payload = [this](int64_t id) {
    return store_.GetGroups(NameOf("sums"), {id})->front().location.length_bytes > 0;
  };
  EXPECT_TRUE(has_payload(0)) << "recovery would begin at version 0";
  ASSERT_OK(Seal(place, 1, 'b'));
  Tick();
  EXPECT_FALSE(has_payload(0));
  EXPECT_TRUE(has_payload(4));
  EXPECT_EQ(store_.GetGroups(NameOf("sums"), {0})->front().outcome.planned.rewards_size(), 2) << "the row stays";
  ASSERT_OK(Seal(place, 2, 'c'));
  Tick();
  EXPECT_TRUE(has_payload(4)) << "ranks that find the newest checkpoint damaged replay this";
  std::filesystem::remove_all(place.checkpoint_directory() + "/step-1");
  Tick();
  EXPECT_FALSE(has_payload(4)) << "and have nothing to replay it from";
}

TEST_F(CheckpointAdoptionTest, PayloadIsKeptForTheNextOlderCheckpointAndNoneBeforeIt) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_training()->set_num_steps(4);
  spec.mutable_retention()->set_covered(true);
  ASSERT_OK(Create("sums", spec));
  const auto place = Join();
  ASSERT_OK(Publish(place, 0, 'a'));
  for (int version = 1; version <= 3; ++version) {
    ASSERT_OK(Submit(Claim("worker", 100)));
    ASSERT_OK(GetPlan(place, version - 1));
    const char digest = static_cast<char>('a' + version);
    ASSERT_OK(Commit(place, version, digest));
    ASSERT_OK(Publish(place, version, digest));
    ASSERT_OK(Seal(place, version, digest));
    Tick();
  }
  const auto has_payload = [this](int64_t id) {
    return store_.GetGroups(NameOf("sums"), {id})->front().location.length_bytes > 0;
  };
  EXPECT_FALSE(has_payload(4));
  EXPECT_TRUE(has_payload(8));
  std::filesystem::remove_all(place.checkpoint_directory() + "/step-2");
  Tick();
  EXPECT_FALSE(has_payload(8)) << "step-1 is still there, but too old to be gone back to";
}

TEST_F(CheckpointAdoptionTest, CheckpointIsForcedWhenWhatRecoveryNeedsIsTooLarge) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_retention()->set_max_bytes(1);
  spec.mutable_training()->set_num_steps(40);
  ASSERT_OK(Create("sums", spec));
  const auto place = Join();
  ASSERT_OK(Publish(place, 0, 'a'));
  ASSERT_OK(Submit(Claim("worker", 100)));
  ASSERT_OK_AND_ASSIGN(const auto first, GetPlan(place, 0));
  EXPECT_FALSE(first->seal_checkpoint()) << "nothing is there yet";
  ASSERT_OK(Commit(place, 1, 'b'));
  ASSERT_OK(Publish(place, 1, 'b'));
  ASSERT_OK(Submit(Claim("worker", 100)));
  ASSERT_OK_AND_ASSIGN(const auto second, GetPlan(place, 1));
  EXPECT_TRUE(second->seal_checkpoint());
  // While it is being written no other is asked for; when nothing comes of it, one is.
  int64_t version = 1;
  bool is_sealing = false;
  while (!is_sealing && version < 30) {
    ++version;
    ASSERT_OK(Commit(place, version, static_cast<char>('a' + version)));
    ASSERT_OK(Publish(place, version, static_cast<char>('a' + version)));
    fault_.row = absl::InternalError("disk I/O error");  // the plans before are not read again
    ASSERT_OK(Submit(Claim("worker", 100)));
    fault_.row = absl::OkStatus();
    const auto plan = GetPlan(place, version);
    ASSERT_OK(plan);
    ASSERT_TRUE(plan->has_value());
    is_sealing = (*plan)->seal_checkpoint();
  }
  EXPECT_EQ(version, 18);
}

}  // namespace
}  // namespace cohort::coordinator
