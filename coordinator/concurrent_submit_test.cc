// SPDX-License-Identifier: Apache-2.0
// One group in two calls at the same time, as when a worker repeats a submit whose answer is late.
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {
namespace {

// Answers no call before so many are there: each of them has been judged by then, and none has been stored.
class MeetingLog final : public rollout_log::RolloutLog {
 public:
  MeetingLog(rollout_log::RolloutLog* log, int num_calls) : log_(log), num_missing_(num_calls) {}

  absl::StatusOr<rollout_log::RecordLocation> Append(const cohort::v1::RolloutGroup& group) override {
    return log_->Append(group);
  }
  absl::StatusOr<std::vector<rollout_log::RecordLocation>> AppendAll(
      const std::vector<const cohort::v1::RolloutGroup*>& groups) override {
    auto locations = log_->AppendAll(groups);
    absl::MutexLock lock(&mutex_);
    --num_missing_;
    const auto all_are_there = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return num_missing_ == 0; };
    mutex_.Await(absl::Condition(&all_are_there));
    return locations;
  }
  int64_t NumWaiting() const override { return log_->NumWaiting(); }
  absl::StatusOr<cohort::v1::RolloutGroup> Read(const rollout_log::RecordLocation& location) const override {
    return log_->Read(location);
  }
  void Settle(const std::vector<rollout_log::RecordLocation>& locations) override { log_->Settle(locations); }
  absl::StatusOr<std::vector<int64_t>> FinishedSegments() const override { return log_->FinishedSegments(); }
  absl::Status RemoveSegment(int64_t segment) override { return log_->RemoveSegment(segment); }

 private:
  rollout_log::RolloutLog* const log_;
  absl::Mutex mutex_;
  int num_missing_ ABSL_GUARDED_BY(mutex_);
};

class ConcurrentSubmitTest : public BenchCoordinator {};

TEST_F(ConcurrentSubmitTest, GroupOfTwoCallsAtOnceIsStoredOnceAndBothAreAccepted) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto claimed = Claim("worker", 1);
  ASSERT_EQ(claimed.groups_size(), 1);
  MeetingLog log(log_.get(), 2);
  context_.log = &log;
  absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> answers[2];
  std::thread other([&] { answers[1] = Submit(claimed); });
  answers[0] = Submit(claimed);
  other.join();
  context_.log = log_.get();
  for (const auto& receipts : answers) {
    ASSERT_OK(receipts);
    ASSERT_EQ(receipts->size(), 1u);
    EXPECT_TRUE(receipts->front().accepted()) << receipts->front().reason();
    EXPECT_EQ(receipts->front().SerializeAsString(), answers[0]->front().SerializeAsString());
  }
  EXPECT_EQ(metrics_.GroupsAccepted(NameOf("sums")).Value(), 1);
  EXPECT_EQ(metrics_.SubmitsRefused(NameOf("sums")).Value(), 0);
  ASSERT_OK_AND_ASSIGN(const auto groups, store_.GetGroups(NameOf("sums"), {claimed.groups(0).group_id()}));
  EXPECT_EQ(groups[0].state, GroupState::kScored);
  EXPECT_THAT(store_.PayloadBytes(NameOf("sums")), common::IsOkAndHolds(groups[0].location.length_bytes));
  ASSERT_OK_AND_ASSIGN(const auto stored, log_->Read(groups[0].location));
  EXPECT_EQ(stored.group_id(), groups[0].group_id);
}

}  // namespace
}  // namespace cohort::coordinator
