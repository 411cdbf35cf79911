// SPDX-License-Identifier: Apache-2.0
// Ranks of one gang, without a process around them, against a fake coordinator over loopback gRPC.
#include "learner/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/shutdown.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "learner/testing/fake_coordinator.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "objective/objective_resolution.h"

namespace cohort::learner {
namespace {

using ::testing::ElementsAre;

class TrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    place_.set_job("namespaces/default/jobs/test");
    place_.set_incarnation(1);
    place_.set_model_path(MakeTinyModel(dir_.path()));
    place_.set_checkpoint_directory(dir_.Join("checkpoints"));
    cohort::v1::JobSpec* spec = place_.mutable_spec();
    spec->mutable_rlvr();
    spec->mutable_optimizer()->set_learning_rate(0.01);
    spec->mutable_training()->set_num_steps(2);
    spec->mutable_training()->set_updates_per_step(1);
    spec->mutable_checkpoint()->set_keep_last(1);
    cohort::v1::ObjectiveSpec objective;
    objective.set_preset("grpo");
    ASSERT_OK_AND_ASSIGN(*spec->mutable_objective(),
                         objective::ResolveObjective(objective, {.group_size = 4, .max_completion_tokens = 10}));
  }

  // Runs all ranks of the gang to the stop, or until each has failed.
  void Train(FakeGang* gang, FakeCoordinator* coordinator) {
    place_.set_world_size(gang->world_size());
    coordinator->place = place_;
    coordinator->make_step = [](int64_t version) { return MakeRolloutStep(version, 4, 4); };
    const common::Shutdown shutdown;
    auto server = *common::GrpcServer::Create("127.0.0.1:0", {coordinator}, /*enable_reflection=*/false);
    auto publisher = *model::WeightPublisher::Create(dir_.path());
    LearnerClient client(common::CreateChannel(server->Address()));
    std::vector<std::thread> ranks;
    for (int rank = 0; rank < gang->world_size(); ++rank) {
      ranks.emplace_back([&, rank] {
        GangMembership membership({.learner_id = "rank"}, &client, &shutdown, common::SystemClock());
        EXPECT_OK(RunRank(rank, {.client = &client,
                                 .membership = &membership,
                                 .publisher = publisher.get(),
                                 .clock = &clock_,
                                 .metrics = &metrics_,
                                 .create_group = [gang](const model::ProcessGroupOptions& options)
                                     -> absl::StatusOr<std::unique_ptr<model::ProcessGroup>> {
                                   return std::make_unique<FakeProcessGroup>(gang, options.rank);
                                 },
                                 .weight_service_address = server->Address(),
                                 .host = "127.0.0.1",
                                 .seal_patience = absl::ZeroDuration(),
                                 .pause = [](absl::Duration) {},
                                 .pulse = absl::Milliseconds(1)}))
            << "rank " << rank;
      });
    }
    for (std::thread& rank : ranks) rank.join();
  }

  absl::Status RunRank(int rank, const TrainerEnvironment& environment) const {
    cohort::v1::JoinGangResponse place = place_;
    place.set_rank(rank);
    environment.membership->Enter(place);
    const absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Create(place, environment);
    return trainer.ok() ? (*trainer)->Run() : trainer.status();
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

  common::TempDir dir_;
  common::SimulatedClock clock_;
  prometheus::Registry registry_;
  LearnerMetrics metrics_{&registry_};
  cohort::v1::JoinGangResponse place_;
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

}  // namespace
}  // namespace cohort::learner
