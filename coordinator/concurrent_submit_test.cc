// SPDX-License-Identifier: Apache-2.0
// One group in two calls at the same time, as when a worker repeats a submit whose answer is late.
#include <latch>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

class ConcurrentSubmitTest : public BenchCoordinator {};

TEST_F(ConcurrentSubmitTest, GroupOfTwoCallsAtOnceIsStoredOnceAndBothAreAccepted) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto claimed = Claim("worker", 1);
  ASSERT_EQ(claimed.groups_size(), 1);
  // Answers neither call before both are there: each has been judged by then, and nothing has been stored.
  std::latch both_are_there(2);
  fault_.after_append = [&] { both_are_there.arrive_and_wait(); };
  absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> answers[2];
  std::thread other([&] { answers[1] = Submit(claimed); });
  answers[0] = Submit(claimed);
  other.join();
  fault_.after_append = [] {};
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
