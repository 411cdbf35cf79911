// SPDX-License-Identifier: Apache-2.0
// A learner process of one rank against a fake coordinator over loopback gRPC.
#include "learner/learner_loop.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/config/proto_time.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/shutdown.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/manifest.h"
#include "learner/testing/fake_coordinator.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "objective/objective_resolution.h"

namespace cohort::learner {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LearnerLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    place_.set_job("namespaces/default/jobs/test");
    place_.set_world_size(1);
    place_.set_model_path(MakeTinyModel(dir_.path()));
    place_.set_checkpoint_directory(dir_.Join("checkpoints"));
    cohort::v1::JobSpec* spec = place_.mutable_spec();
    spec->mutable_optimizer()->set_learning_rate(0.01);
    spec->mutable_training()->set_num_steps(4);
    spec->mutable_training()->set_updates_per_step(2);
    spec->mutable_checkpoint()->set_keep_last(1);
  }

  void SetObjective(const std::string& preset, const objective::ResolutionContext& context) {
    cohort::v1::ObjectiveSpec spec;
    spec.set_preset(preset);
    ASSERT_OK_AND_ASSIGN(*place_.mutable_spec()->mutable_objective(), objective::ResolveObjective(spec, context));
  }

  void UseRollouts() {
    place_.mutable_spec()->mutable_rlvr();
    SetObjective("grpo", {.group_size = 4, .max_completion_tokens = 10});
    make_step_ = [](int64_t version) { return MakeRolloutStep(version, 4, 4); };
  }

  void UseDemonstrations() {
    place_.mutable_spec()->mutable_sft();
    SetObjective("sft", {.is_sft = true});
    make_step_ = [](int64_t version) { return MakeDemonstrationStep(version, 8); };
  }

  // Runs a learner until it was drained after the stop, or failed.
  absl::Status RunToTheEnd(FakeCoordinator* coordinator) {
    coordinator->place = place_;
    coordinator->make_step = make_step_;
    common::Shutdown shutdown;
    coordinator->terminate = [&shutdown] { shutdown.Request(); };
    auto server = *common::GrpcServer::Create("127.0.0.1:0", {coordinator}, /*enable_reflection=*/false);
    auto publisher = *model::WeightPublisher::Create(dir_.path());
    prometheus::Registry registry;
    LearnerMetrics metrics(&registry);
    LearnerClient client(common::CreateChannel(server->Address()));
    GangMembership membership({.learner_id = "rank"}, &client, &shutdown, common::SystemClock());
    FakeGang gang(1);
    cohort::v1::JoinGangRequest join;
    join.set_learner_id("rank");
    join.mutable_wait()->set_seconds(10);
    return RunLearner(
        join, {.client = &client,
               .membership = &membership,
               .publisher = publisher.get(),
               .clock = common::SystemClock(),
               .metrics = &metrics,
               .create_group =
                   [&gang](const model::ProcessGroupOptions&) -> absl::StatusOr<std::unique_ptr<model::ProcessGroup>> {
                 return std::make_unique<FakeProcessGroup>(&gang, 0);
               },
               .weight_service_address = server->Address(),
               .host = "127.0.0.1",
               .seal_patience = seal_patience_,
               .pause = pause_});
  }

  common::TempDir dir_;
  cohort::v1::JoinGangResponse place_;
  FakeCoordinator::Maker make_step_;
  absl::Duration seal_patience_ = absl::ZeroDuration();
  std::function<void(absl::Duration)> pause_ = [](absl::Duration) {};
};

TEST_F(LearnerLoopTest, RolloutJobPublishesEveryVersionAndSealsTheLast) {
  UseRollouts();
  FakeCoordinator coordinator;
  ASSERT_OK(RunToTheEnd(&coordinator));
  const FakeCoordinator::Record record = coordinator.record();
  EXPECT_THAT(record.commits, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(record.published, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(record.sealed, ElementsAre(dir_.Join("checkpoints/step-000004")));
  ASSERT_OK_AND_ASSIGN(const CheckpointManifest manifest, VerifyManifest(record.sealed[0]));
  EXPECT_EQ(manifest.policy_version, 4);
  EXPECT_EQ(record.error, "");
}

TEST_F(LearnerLoopTest, CommitCarriesTheDocumentedMetrics) {
  UseRollouts();
  FakeCoordinator coordinator;
  ASSERT_OK(RunToTheEnd(&coordinator));
  const std::map<std::string, double> metrics = coordinator.record().metrics.at(1);
  for (const char* name : {"loss", "learning_rate", "gradient_norm", "ratio_mean", "ratio_min", "ratio_max",
                           "clip_fraction_low", "clip_fraction_high", "kl_k1", "entropy_mean", "mismatch_max_abs",
                           "mismatch_mean_abs", "trained_tokens", "learner_tokens_per_second", "learner_seconds",
                           "advantage_abs_mean", "zero_signal_share", "wait_seconds", "forward_seconds"}) {
    EXPECT_EQ(metrics.count(name), 1) << name;
  }
  EXPECT_EQ(metrics.at("learning_rate"), 0.01);
}

TEST_F(LearnerLoopTest, CommitSaysWhenTheRankDidWhat) {
  UseRollouts();
  FakeCoordinator coordinator;
  ASSERT_OK(RunToTheEnd(&coordinator));
  const std::vector<cohort::v1::RankTimings> ranks = coordinator.record().rank_timings.at(2);
  ASSERT_EQ(ranks.size(), 1);
  ASSERT_GT(ranks[0].phases_size(), 4);
  EXPECT_EQ(ranks[0].phases(0).phase(), "wait");
  for (const cohort::v1::PhaseTiming& phase : ranks[0].phases()) {
    const absl::Duration whole =
        common::FromProtoTimestamp(phase.end_time()) - common::FromProtoTimestamp(phase.begin_time());
    const absl::Duration busy = common::FromProtoDuration(phase.busy_time());
    EXPECT_GE(phase.begin_time().seconds(), ranks[0].phases(0).begin_time().seconds());
    EXPECT_LE(busy, whole + absl::Microseconds(2)) << phase.DebugString();
  }
}

TEST_F(LearnerLoopTest, SupervisedJobPublishesOnlyWhatAnEvaluationOrTheEndNeeds) {
  UseDemonstrations();
  FakeCoordinator coordinator;
  ASSERT_OK(RunToTheEnd(&coordinator));
  EXPECT_THAT(coordinator.record().published, ElementsAre(4));
  place_.mutable_spec()->mutable_evaluation()->set_every_steps(3);
  FakeCoordinator evaluating;
  ASSERT_OK(RunToTheEnd(&evaluating));
  EXPECT_THAT(evaluating.record().published, ElementsAre(0, 3, 4));
}

TEST_F(LearnerLoopTest, LostGangIsJoinedAgainAndReplayGivesTheSameDigests) {
  UseRollouts();
  FakeCoordinator coordinator;
  coordinator.lose_gang_at_version = 3;
  ASSERT_OK(RunToTheEnd(&coordinator));
  const FakeCoordinator::Record record = coordinator.record();
  EXPECT_EQ(record.num_joins, 2);
  EXPECT_THAT(record.commits, ElementsAre(1, 2, 3, 1, 2, 3, 4));
}

TEST_F(LearnerLoopTest, ResumeFromACheckpointGivesTheDigestsOfTheUninterruptedRun) {
  UseRollouts();
  FakeCoordinator whole;
  ASSERT_OK(RunToTheEnd(&whole));
  std::filesystem::remove_all(dir_.Join("checkpoints"));

  place_.mutable_spec()->mutable_checkpoint()->set_keep_last(5);
  FakeCoordinator sealing;
  sealing.seal_after_version = 2;
  ASSERT_OK(RunToTheEnd(&sealing));
  place_.set_resume_checkpoint(sealing.record().sealed[0]);
  place_.set_resume_version(2);
  FakeCoordinator resuming;
  ASSERT_OK(RunToTheEnd(&resuming));
  EXPECT_THAT(resuming.record().commits, ElementsAre(3, 4));
  EXPECT_EQ(resuming.record().digests.at(4), whole.record().digests.at(4));
}

TEST_F(LearnerLoopTest, TrainingGoesOnWhileACheckpointIsWrittenAndRecorded) {
  UseRollouts();
  place_.mutable_spec()->mutable_checkpoint()->set_keep_last(2);
  FakeCoordinator coordinator;
  coordinator.seal_after_version = 1;
  coordinator.before_seal = [&coordinator] { coordinator.AwaitCommit(4); };
  ASSERT_OK(RunToTheEnd(&coordinator));
  EXPECT_THAT(coordinator.record().commits, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(coordinator.record().sealed,
              ElementsAre(dir_.Join("checkpoints/step-000001"), dir_.Join("checkpoints/step-000004")));
  for (const std::string& path : coordinator.record().sealed) EXPECT_OK(VerifyManifest(path));
}

TEST_F(LearnerLoopTest, TerminationIsToldToTheCoordinatorAndEndsWithASealedCheckpoint) {
  UseRollouts();
  FakeCoordinator coordinator;
  coordinator.drain_at_version = 2;
  ASSERT_OK(RunToTheEnd(&coordinator));
  const FakeCoordinator::Record record = coordinator.record();
  EXPECT_THAT(record.commits, ElementsAre(1, 2));
  EXPECT_THAT(record.sealed, ElementsAre(dir_.Join("checkpoints/step-000002")));
  EXPECT_EQ(record.num_joins, 1);
}

TEST_F(LearnerLoopTest, FaultOfTheJobIsReportedByName) {
  UseDemonstrations();
  make_step_ = [](int64_t version) {
    WholeStep step = MakeDemonstrationStep(version, 8);
    if (version == 1) step.demonstrations[5].set_prompt("\xE2\x82\xAC");  // not in the vocabulary
    return step;
  };
  FakeCoordinator coordinator;
  EXPECT_THAT(RunToTheEnd(&coordinator), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("problem 5")));
  EXPECT_THAT(coordinator.record().error, HasSubstr("namespaces/default/jobs/test: problem 5"));
  EXPECT_THAT(coordinator.record().commits, ElementsAre(1));
}

TEST_F(LearnerLoopTest, DamagedNewestCheckpointIsReplayedFromTheOneBeforeToTheSameDigests) {
  UseRollouts();
  place_.mutable_spec()->mutable_checkpoint()->set_keep_last(5);
  FakeCoordinator whole;
  whole.seal_after_version = 2;
  ASSERT_OK(RunToTheEnd(&whole));
  const std::string newest = dir_.Join("checkpoints/step-000004");
  std::filesystem::resize_file(newest + "/optimizer.safetensors", 100);
  place_.set_resume_checkpoint(newest);
  place_.set_resume_version(4);
  FakeCoordinator resuming;
  resuming.seal_after_version = 4;  // as the stored plan says
  ASSERT_OK(RunToTheEnd(&resuming));
  EXPECT_THAT(resuming.record().commits, ElementsAre(3, 4));
  EXPECT_EQ(resuming.record().digests.at(4), whole.record().digests.at(4));
  EXPECT_EQ(resuming.record().error, "");
  EXPECT_OK(VerifyManifest(newest));  // sealed again
  EXPECT_TRUE(std::filesystem::exists(dir_.Join("checkpoints/damaged-step-000004")));
}

TEST_F(LearnerLoopTest, WithoutAValidCheckpointOrModelTheJobStopsByName) {
  UseRollouts();
  std::filesystem::create_directories(dir_.Join("checkpoints/step-000002"));
  std::filesystem::remove(place_.model_path() + "/model.safetensors");
  place_.set_resume_checkpoint(dir_.Join("checkpoints/step-000002"));
  place_.set_resume_version(2);
  FakeCoordinator coordinator;
  EXPECT_FALSE(RunToTheEnd(&coordinator).ok());
  EXPECT_THAT(coordinator.record().error, HasSubstr(place_.model_path()));
  EXPECT_THAT(coordinator.record().error, HasSubstr("step-000002/manifest.json"));
}

TEST_F(LearnerLoopTest, CheckpointThatCannotBeWrittenStopsTrainingAtTheEndByName) {
  UseRollouts();
  std::ofstream(dir_.Join("checkpoints")) << "a file where the folder should be";
  FakeCoordinator coordinator;
  coordinator.seal_after_version = 2;
  EXPECT_THAT(RunToTheEnd(&coordinator), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(coordinator.record().commits, ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(coordinator.record().sealed.empty());
  EXPECT_THAT(coordinator.record().error,
              HasSubstr("namespaces/default/jobs/test: checkpoint of version 4 not sealed: "));
}

TEST_F(LearnerLoopTest, LastCheckpointIsTriedAgainUntilThereIsRoom) {
  UseRollouts();
  std::ofstream(dir_.Join("checkpoints")) << "a file where the folder should be";
  seal_patience_ = absl::Hours(1);
  int num_pauses = 0;
  pause_ = [&](absl::Duration) {
    if (++num_pauses == 3) std::filesystem::remove(dir_.Join("checkpoints"));
  };
  FakeCoordinator coordinator;
  ASSERT_OK(RunToTheEnd(&coordinator));
  EXPECT_EQ(num_pauses, 3);
  EXPECT_THAT(coordinator.record().sealed, ElementsAre(dir_.Join("checkpoints/step-000004")));
  EXPECT_EQ(coordinator.record().error, "");
}

TEST_F(LearnerLoopTest, DrainingRankThatCannotSealFailsAloneAndLeavesTheJob) {
  UseRollouts();
  std::ofstream(dir_.Join("checkpoints")) << "a file where the folder should be";
  FakeCoordinator coordinator;
  coordinator.drain_at_version = 2;
  EXPECT_THAT(RunToTheEnd(&coordinator), StatusIs(absl::StatusCode::kInternal, HasSubstr("version 2 not sealed")));
  EXPECT_EQ(coordinator.record().error, "");
}

}  // namespace
}  // namespace cohort::learner
