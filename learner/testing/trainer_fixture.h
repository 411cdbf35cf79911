// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_TRAINER_FIXTURE_H_
#define COHORT_LEARNER_TESTING_TRAINER_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstddef>
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
#include "kernels/torch/tensor_memory.h"
#include "learner/testing/fake_coordinator.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "learner/trainer.h"
#include "objective/objective_resolution.h"

namespace cohort::learner {

// Ranks of one gang, without a process around them, against a fake coordinator over loopback gRPC.
class TrainerFixture : public ::testing::Test {
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

  // Runs all ranks of the gang to the stop.
  void Train(FakeGang* gang, FakeCoordinator* coordinator) {
    coordinator->make_step = [](int64_t version) { return MakeRolloutStep(version, 4, 4); };
    const std::vector<absl::Status> ended = RunRanksToTheirEnd(gang, coordinator);
    for (size_t rank = 0; rank < ended.size(); ++rank) EXPECT_OK(ended[rank]) << "rank " << rank;
  }

  // Runs all ranks of the gang to the stop, or until each has failed; how each has ended.
  std::vector<absl::Status> RunRanksToTheirEnd(FakeGang* gang, FakeCoordinator* coordinator) {
    place_.set_world_size(gang->world_size());
    coordinator->place = place_;
    const common::Shutdown shutdown;
    auto server = *common::GrpcServer::Create("127.0.0.1:0", {coordinator}, /*enable_reflection=*/false);
    auto publisher = *model::WeightPublisher::Create(dir_.path());
    LearnerClient client(common::CreateChannel(server->Address()));
    std::vector<absl::Status> ended(gang->world_size());
    std::vector<std::thread> ranks;
    for (int rank = 0; rank < gang->world_size(); ++rank) {
      ranks.emplace_back([&, rank] {
        GangMembership membership({.learner_id = "rank"}, &client, &shutdown, common::SystemClock());
        ended[rank] = RunRank(rank, {.client = &client,
                                     .membership = &membership,
                                     .publisher = publisher.get(),
                                     .clock = &clock_,
                                     .metrics = &metrics_,
                                     .tensors = tensors_,
                                     .create_group = [gang](const model::ProcessGroupOptions& options)
                                         -> absl::StatusOr<std::unique_ptr<model::ProcessGroup>> {
                                       return std::make_unique<FakeProcessGroup>(gang, options.rank);
                                     },
                                     .weight_service_address = server->Address(),
                                     .host = "127.0.0.1",
                                     .seal_patience = absl::ZeroDuration(),
                                     .pause = [](absl::Duration) {},
                                     .pulse = absl::Milliseconds(1)});
      });
    }
    for (std::thread& rank : ranks) rank.join();
    return ended;
  }

  absl::Status RunRank(int rank, const TrainerEnvironment& environment) const {
    cohort::v1::JoinGangResponse place = place_;
    place.set_rank(rank);
    environment.membership->Enter(place);
    const absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Create(place, environment);
    return trainer.ok() ? (*trainer)->Run() : trainer.status();
  }

  common::TempDir dir_;
  common::SimulatedClock clock_;
  prometheus::Registry registry_;
  LearnerMetrics metrics_{&registry_};
  kernels::TensorMemory* tensors_ = nullptr;
  cohort::v1::JoinGangResponse place_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_TRAINER_FIXTURE_H_
