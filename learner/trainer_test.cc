// SPDX-License-Identifier: Apache-2.0
#include "learner/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "kernels/torch/tensor_memory.h"
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
