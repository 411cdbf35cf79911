// SPDX-License-Identifier: Apache-2.0
// What a gang sends, by the kernel's counter of a loopback interface of its own: the table in docs/learner.md. NCCL's
// bytes are computed there and not measured; its rings send as much, but for the reduce-scatter.
//
// Of n ranks with S bytes each, all ranks together: an all-reduce is 2 (n-1) S, an all-gather (n-1) S.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/testing/own_network.h"
#include "common/testing/status_matchers.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/parameter_exchange.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "learner/testing/train_step_fixture.h"
#include "learner/train_state.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {
namespace {

using cohort::v1::OPTIMIZER_SHARDING_NONE;
using cohort::v1::OPTIMIZER_SHARDING_ZERO1;
using cohort::v1::OPTIMIZER_SHARDING_ZERO3;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

// Packet headers, acknowledgements, Gloo's own headers and, of an update, the pulses and numbers beside the buckets.
constexpr double kOverhead = 0.01;
// What TCP sends again, when a receiver is late, comes on top and differs from time to time, up to a sixth on a busy
// machine: the least one counts.
constexpr int kMaxTries = 20;

// Ranks over Gloo, as threads of this process. They have joined: how they find each other is not counted.
class Gang final {
 public:
  explicit Gang(int world_size) : server_(*model::RendezvousServer::Create("127.0.0.1")), groups_(world_size) {
    ForEveryRank([&](int rank) {
      model::ProcessGroupOptions options;
      options.store_address = server_->Address();
      options.key_prefix = "job/1";
      options.host = "127.0.0.1";
      options.rank = rank;
      options.world_size = world_size;
      groups_[rank] = *model::CreateGlooProcessGroup(options);
    });
  }

  int64_t num_ranks() const { return static_cast<int64_t>(groups_.size()); }
  model::ProcessGroup* group(int rank) { return groups_[rank].get(); }

  // At the same time, each in a thread of its own.
  void ForEveryRank(const std::function<void(int rank)>& work) {
    std::vector<std::thread> threads;
    for (size_t rank = 0; rank < groups_.size(); ++rank) threads.emplace_back(work, static_cast<int>(rank));
    for (std::thread& thread : threads) thread.join();
  }

  // `num_bytes`, of all ranks together, are on the wire while they do that; it may be done several times.
  void ExpectBytes(int64_t num_bytes, const std::function<void(int rank)>& work) {
    const double most = (1 + kOverhead) * static_cast<double>(num_bytes);
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < kMaxTries && least > most; ++i) {
      const int64_t before = common::LoopbackBytes();
      ForEveryRank(work);
      least = std::min(least, static_cast<double>(common::LoopbackBytes() - before));
    }
    EXPECT_THAT(least, AllOf(Ge(static_cast<double>(num_bytes)), Le(most)));
  }

 private:
  const std::unique_ptr<model::RendezvousServer> server_;
  std::vector<std::unique_ptr<model::ProcessGroup>> groups_;
};

class CollectiveBytesTest : public ::testing::TestWithParam<int> {
 protected:
  // Of equal pieces for 2, 3 and 4 ranks; 16.8 MB, as a bucket.
  static constexpr int64_t kNumbers = 12 * 350'000;
  static constexpr int64_t kBytes = kNumbers * sizeof(float);

  // `num_bytes` are sent by all ranks together.
  void ExpectBytes(int64_t num_bytes, const std::function<absl::Status(model::ProcessGroup*, at::Tensor)>& collective) {
    std::vector<at::Tensor> tensors(gang_.num_ranks());
    for (at::Tensor& tensor : tensors) tensor = at::ones({kNumbers});
    gang_.ExpectBytes(num_bytes, [&](int rank) { EXPECT_OK(collective(gang_.group(rank), tensors[rank])); });
  }

  Gang gang_{GetParam()};
  const int64_t num_peers_ = GetParam() - 1;
};

TEST_P(CollectiveBytesTest, AllReduce) {
  ExpectBytes(2 * num_peers_ * kBytes, [](auto* group, at::Tensor tensor) { return group->AllReduceSum(tensor); });
}

TEST_P(CollectiveBytesTest, AllGather) {
  ExpectBytes(num_peers_ * kBytes, [](auto* group, at::Tensor tensor) { return group->AllGather(tensor); });
}

TEST_P(CollectiveBytesTest, ReduceScatterIsMadeByAnAllReduce) {
  ExpectBytes(2 * num_peers_ * kBytes, [](auto* group, at::Tensor tensor) { return group->ReduceScatterSum(tensor); });
}

INSTANTIATE_TEST_SUITE_P(Ranks, CollectiveBytesTest, ::testing::Values(2, 3, 4), ::testing::PrintToStringParamName());

class UpdateBytesTest : public TrainStepFixture, public ::testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    model_path_ = MakeTinyModel(dir_.path(), /*tie_word_embeddings=*/true, /*intermediate_size=*/60'000);
  }

  void MakeRanks(cohort::v1::OptimizerSharding sharding) {
    for (int rank = 0; rank < GetParam(); ++rank) {
      ranks_.push_back(MakeRank({.world_size = GetParam(),
                                 .has_rollouts = false,
                                 .num_updates = 1,
                                 .learning_rate = 1e-4,
                                 .sharding = sharding},
                                gang_.group(rank)));
    }
    const FlatLayout& layout = ranks_[0]->state.parameters->layout();
    ASSERT_GT(layout.buckets.size(), 1);
    num_bytes_ = layout.size * static_cast<int64_t>(sizeof(float));
  }

  // A whole train step of one update, as the learner makes it.
  void ExpectUpdateBytes(int64_t num_bytes) {
    gang_.ExpectBytes(num_bytes, [this](int rank) {
      EXPECT_OK(RunStep(ranks_[rank].get(), MakeDemonstrationStep(ranks_[rank]->state.policy_version, 8)));
    });
  }

  Gang gang_{GetParam()};
  const int64_t num_peers_ = GetParam() - 1;
  std::vector<std::unique_ptr<Rank>> ranks_;
  int64_t num_bytes_ = 0;  // of all parameters, with the gaps between them
};

TEST_P(UpdateBytesTest, WithoutShardingAreThoseOfTheGradients) {
  MakeRanks(OPTIMIZER_SHARDING_NONE);
  ExpectUpdateBytes(2 * num_peers_ * num_bytes_);
}

TEST_P(UpdateBytesTest, WithZero1AreThoseOfTheGradientsAndOfTheWeightsAndOnceMoreTheMomentsAtACheckpoint) {
  MakeRanks(OPTIMIZER_SHARDING_ZERO1);
  ExpectUpdateBytes(3 * num_peers_ * num_bytes_);
  gang_.ExpectBytes(2 * num_peers_ * num_bytes_, [this](int rank) {
    const TrainState& state = ranks_[rank]->state;
    EXPECT_OK(ParameterExchange(gang_.group(rank), &state).GatherPart(OwnSpans(state)));
  });
}

// Two layers are gathered once for a microbatch: both are whole when the pass turns back.
TEST_P(UpdateBytesTest, WithZero3AreThoseOfTheLayersAndTheirGradientsForAMicrobatch) {
  MakeRanks(OPTIMIZER_SHARDING_ZERO3);
  ExpectUpdateBytes(3 * num_peers_ * num_bytes_);
}

INSTANTIATE_TEST_SUITE_P(Ranks, UpdateBytesTest, ::testing::Values(2, 3, 4), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace cohort::learner

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return cohort::common::RunAllTestsInOwnNetwork();
}
