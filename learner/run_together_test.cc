// SPDX-License-Identifier: Apache-2.0
#include "learner/run_together.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/testing/status_matchers.h"
#include "learner/testing/fake_process_group.h"

namespace cohort::learner {
namespace {

using common::StatusIs;

constexpr absl::Duration kShort = absl::Milliseconds(1);

// Counts the collectives of the group that it stands before.
class CountingGroup final : public model::ProcessGroup {
 public:
  CountingGroup(model::ProcessGroup* group, int awaited, absl::Notification* reached)
      : group_(group), awaited_(awaited), reached_(reached) {}
  int rank() const override { return group_->rank(); }
  int world_size() const override { return group_->world_size(); }
  absl::Status AllReduceSum(at::Tensor tensor) override { return group_->AllReduceSum(tensor); }
  absl::Status AllReduceMax(at::Tensor tensor) override {
    const absl::Status status = group_->AllReduceMax(tensor);
    if (++count_ == awaited_) reached_->Notify();
    return status;
  }
  absl::Status ReduceScatterSum(at::Tensor tensor) override { return group_->ReduceScatterSum(tensor); }
  absl::Status AllGather(at::Tensor tensor) override { return group_->AllGather(tensor); }
  absl::Status Broadcast(at::Tensor tensor, int root) override { return group_->Broadcast(tensor, root); }
  absl::Status Barrier() override { return group_->Barrier(); }

 private:
  model::ProcessGroup* const group_;
  const int awaited_;
  absl::Notification* const reached_;
  int count_ = 0;
};

// A group whose peer is gone.
class LostGroup final : public model::ProcessGroup {
 public:
  int rank() const override { return 0; }
  int world_size() const override { return 2; }
  absl::Status AllReduceSum(at::Tensor) override { return Lost(); }
  absl::Status AllReduceMax(at::Tensor) override { return Lost(); }
  absl::Status ReduceScatterSum(at::Tensor) override { return Lost(); }
  absl::Status AllGather(at::Tensor) override { return Lost(); }
  absl::Status Broadcast(at::Tensor, int) override { return Lost(); }
  absl::Status Barrier() override { return Lost(); }

 private:
  static absl::Status Lost() { return absl::UnavailableError("connection closed by peer"); }
};

TEST(RunTogetherTest, RankThatIsBusyForLongKeepsItsPeersWaitingInShortCollectives) {
  absl::Notification has_seen_pulses;
  RunRanks(2, [&](model::ProcessGroup* group) {
    if (group->rank() == 0) {
      const auto work = [&] {
        has_seen_pulses.WaitForNotification();
        return absl::OkStatus();
      };
      EXPECT_OK(RunTogether(group, at::kCPU, work, kShort));
    } else {
      CountingGroup counting(group, /*awaited=*/3, &has_seen_pulses);
      EXPECT_OK(RunTogether(
          &counting, at::kCPU, [] { return absl::OkStatus(); }, kShort));
    }
  });
}

TEST(RunTogetherTest, NobodyReturnsBeforeEverybodyIsDone) {
  std::atomic<int> num_done{0};
  RunRanks(3, [&](model::ProcessGroup* group) {
    EXPECT_OK(RunTogether(group, at::kCPU, [&] {
      ++num_done;
      return absl::OkStatus();
    }));
    EXPECT_EQ(num_done, 3);
  });
}

// Rank 0 releases both at once, and rank 1 the second one when it has seen the first done on rank 0.
TEST(RunTogetherTest, CollectiveRunsWhileTheWorkOfEveryRankThatReleasedItGoesOn) {
  absl::Notification is_first_done;
  RunRanks(2, [&](model::ProcessGroup* group) {
    const at::Tensor sums = at::ones({2});
    const ReleasedCollectives collectives = {.count = 2, .run = [&](int64_t index) {
                                               const absl::Status reduced =
                                                   group->AllReduceSum(sums.narrow(0, index, 1));
                                               if (group->rank() == 0 && index == 0) is_first_done.Notify();
                                               return reduced;
                                             }};
    EXPECT_OK(RunTogether(group, at::kCPU, collectives, [&](const CollectiveRelease& release) {
      release(group->rank() == 0 ? 2 : 1);
      is_first_done.WaitForNotification();
      return absl::OkStatus();
    }));
    EXPECT_TRUE(at::equal(sums, at::full({2}, 2.0f)));
  });
}

TEST(RunTogetherTest, WhatTheWorkDidNotReleaseRunsWhenItHasEndedOnEveryRank) {
  for (const int world_size : {1, 3}) {
    RunRanks(world_size, [world_size](model::ProcessGroup* group) {
      const at::Tensor sums = at::zeros({4});
      std::vector<int64_t> order;
      EXPECT_OK(RunTogether(group, at::kCPU,
                            {.count = 4,
                             .run =
                                 [&](int64_t index) {
                                   order.push_back(index);
                                   return group->AllReduceSum(sums.narrow(0, index, 1));
                                 }},
                            [&](const CollectiveRelease& release) {
                              sums.fill_(1);
                              if (group->rank() == 0) release(1);
                              return absl::OkStatus();
                            }));
      EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 3}));
      EXPECT_TRUE(at::equal(sums, at::full({4}, static_cast<float>(world_size))));
    });
  }
}

TEST(RunTogetherTest, FailedWorkRunsNoCollectiveThatItDidNotRelease) {
  RunRanks(2, [](model::ProcessGroup* group) {
    int num_run = 0;
    const absl::Status status =
        RunTogether(group, at::kCPU, {.count = 1, .run = [&](int64_t) { return ++num_run, absl::OkStatus(); }},
                    [&](const CollectiveRelease&) {
                      return group->rank() == 0 ? absl::DataLossError("damaged") : absl::OkStatus();
                    });
    EXPECT_EQ(status.code(), group->rank() == 0 ? absl::StatusCode::kDataLoss : absl::StatusCode::kUnavailable);
    EXPECT_EQ(num_run, 0);
  });
}

TEST(RunTogetherTest, CollectiveThatFailsIsAnErrorAfterTheWork) {
  RunRanks(2, [](model::ProcessGroup* group) {
    bool is_done = false;
    EXPECT_THAT(
        RunTogether(group, at::kCPU, {.count = 1, .run = [](int64_t) { return absl::DeadlineExceededError("slow"); }},
                    [&](const CollectiveRelease&) {
                      is_done = true;
                      return absl::OkStatus();
                    }),
        StatusIs(absl::StatusCode::kDeadlineExceeded));
    EXPECT_TRUE(is_done);
  });
}

TEST(RunTogetherTest, LostPeerIsAnErrorAfterTheWork) {
  LostGroup group;
  bool is_done = false;
  EXPECT_THAT(RunTogether(&group, at::kCPU,
                          [&] {
                            is_done = true;
                            return absl::OkStatus();
                          }),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(is_done);
}

TEST(RunTogetherTest, ErrorOfTheWorkComesBackWithoutWaitingForPeers) {
  FakeGang gang(2);  // whose other rank never arrives
  FakeProcessGroup group(&gang, 0);
  EXPECT_THAT(RunTogether(&group, at::kCPU, [] { return absl::DataLossError("damaged"); }),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(RunTogetherTest, PeersOfARankThatFailedAreReleasedWhenItsGroupGoes) {
  RunRanks(2, [&](model::ProcessGroup* group) {
    const absl::Status status = RunTogether(
        group, at::kCPU, [&] { return group->rank() == 0 ? absl::DataLossError("damaged") : absl::OkStatus(); });
    EXPECT_EQ(status.code(), group->rank() == 0 ? absl::StatusCode::kDataLoss : absl::StatusCode::kUnavailable);
  });
}

}  // namespace
}  // namespace cohort::learner
