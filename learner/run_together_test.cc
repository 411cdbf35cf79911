// SPDX-License-Identifier: Apache-2.0
#include "learner/run_together.h"

#include <gtest/gtest.h>

#include <atomic>

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
