// SPDX-License-Identifier: Apache-2.0
#include "model/parallel/process_group.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/match.h"

namespace cohort::model {
namespace {

ProcessGroupOptions Options(const RendezvousServer& server, int rank, int world_size) {
  ProcessGroupOptions options;
  options.store_address = server.Address();
  options.key_prefix = "job/1";
  options.host = "127.0.0.1";
  options.rank = rank;
  options.world_size = world_size;
  options.timeout = absl::Seconds(30);
  return options;
}

// Runs one thread per rank.
void RunGang(int world_size, const std::function<void(ProcessGroup&)>& body) {
  const auto server = RendezvousServer::Create("127.0.0.1");
  ASSERT_TRUE(server.ok()) << server.status();
  std::vector<std::thread> ranks;
  for (int rank = 0; rank < world_size; ++rank) {
    ranks.emplace_back([&, rank] {
      const auto group = CreateGlooProcessGroup(Options(**server, rank, world_size));
      ASSERT_TRUE(group.ok()) << group.status();
      EXPECT_EQ((*group)->rank(), rank);
      EXPECT_EQ((*group)->world_size(), world_size);
      body(**group);
    });
  }
  for (std::thread& rank : ranks) rank.join();
}

TEST(GlooProcessGroupTest, EveryRankGetsTheSameSumMaxAndBroadcast) {
  RunGang(3, [](ProcessGroup& group) {
    const at::Tensor sum = at::arange(1000, at::kFloat) * (group.rank() + 1);
    ASSERT_TRUE(group.AllReduceSum(sum).ok());
    EXPECT_TRUE(at::equal(sum, at::arange(1000, at::kFloat) * 6));
    const at::Tensor max = at::full({2}, group.rank(), at::kDouble);
    ASSERT_TRUE(group.AllReduceMax(max).ok());
    EXPECT_TRUE(at::equal(max, at::full({2}, 2.0, at::kDouble)));
    const at::Tensor count = at::full({1}, group.rank() + 10, at::kLong);
    ASSERT_TRUE(group.Broadcast(count, /*root=*/1).ok());
    EXPECT_EQ(count.item<int64_t>(), 11);
    EXPECT_TRUE(group.Barrier().ok());
  });
}

TEST(GlooProcessGroupTest, ReduceScatterGivesARankItsPieceOfTheSumAndAllGatherThePiecesOfAll) {
  for (const int world_size : {1, 2, 3, 4}) {
    RunGang(world_size, [world_size](ProcessGroup& group) {
      const int64_t piece = 32;
      const at::Tensor whole = at::arange(world_size * piece, at::kFloat);
      const at::Tensor sum = whole * (group.rank() + 1);
      ASSERT_TRUE(group.ReduceScatterSum(sum).ok());
      const auto own = [&](const at::Tensor& tensor) { return tensor.narrow(0, group.rank() * piece, piece); };
      const float num_shares = static_cast<float>(world_size * (world_size + 1)) / 2;
      EXPECT_TRUE(at::equal(own(sum), own(whole * num_shares)));
      const at::Tensor gathered = at::full_like(whole, -1);
      own(gathered).copy_(own(sum));
      ASSERT_TRUE(group.AllGather(gathered).ok());
      EXPECT_TRUE(at::equal(gathered, whole * num_shares));
    });
  }
}

TEST(GlooProcessGroupTest, TensorWithoutEqualPiecesIsRefusedAndBreaksNothing) {
  RunGang(2, [](ProcessGroup& group) {
    EXPECT_EQ(group.ReduceScatterSum(at::ones({3})).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(group.AllGather(at::ones({2, 2})).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(group.AllReduceSum(at::ones({3})).ok());
  });
}

TEST(GlooProcessGroupTest, GangOfOneNeedsNoStore) {
  ProcessGroupOptions options;
  const auto group = CreateGlooProcessGroup(options);
  ASSERT_TRUE(group.ok()) << group.status();
  const at::Tensor values = at::ones({3});
  EXPECT_TRUE((*group)->AllReduceSum(values).ok());
  EXPECT_TRUE(at::equal(values, at::ones({3})));
  EXPECT_TRUE((*group)->Barrier().ok());
}

TEST(GlooProcessGroupTest, PeerThatNeverArrivesTimesOut) {
  const auto server = RendezvousServer::Create("127.0.0.1").value();
  ProcessGroupOptions options = Options(*server, 0, 2);
  options.timeout = absl::Milliseconds(300);
  const absl::Status status = CreateGlooProcessGroup(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "rank 0 of 2")) << status;
}

TEST(GlooProcessGroupTest, PeerThatStopsTakingPartTimesOutAndBreaksTheGroup) {
  const auto server = RendezvousServer::Create("127.0.0.1").value();
  std::unique_ptr<ProcessGroup> silent;
  std::thread peer([&] { silent = CreateGlooProcessGroup(Options(*server, 1, 2)).value(); });
  ProcessGroupOptions options = Options(*server, 0, 2);
  options.timeout = absl::Seconds(1);
  const auto impatient = CreateGlooProcessGroup(options).value();
  peer.join();
  const absl::Status status = impatient->AllReduceSum(at::ones({4}));
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_EQ(impatient->AllReduceSum(at::ones({4})).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(GlooProcessGroupTest, PeerThatDiesIsUnavailable) {
  const auto server = RendezvousServer::Create("127.0.0.1").value();
  std::thread peer([&] { CreateGlooProcessGroup(Options(*server, 1, 2)).value().reset(); });
  const auto group = CreateGlooProcessGroup(Options(*server, 0, 2)).value();
  peer.join();
  const absl::Status status = group->AllReduceSum(at::ones({4}));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
}

TEST(GlooProcessGroupTest, RankOutsideTheWorldIsRefused) {
  ProcessGroupOptions options;
  options.rank = 2;
  options.world_size = 2;
  EXPECT_EQ(CreateGlooProcessGroup(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RendezvousServerTest, UnknownHostIsRefused) { EXPECT_FALSE(RendezvousServer::Create("host.invalid").ok()); }

}  // namespace
}  // namespace cohort::model
