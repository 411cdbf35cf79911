// SPDX-License-Identifier: Apache-2.0
// Clocks that jump: a wall clock that somebody sets, and time in which nothing ran. And groups that come too late.
#include <gmock/gmock.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::HasSubstr;

class ClockFaultTest : public BenchCoordinator {
 protected:
  void SetUp() override {
    BenchCoordinator::SetUp();
    place_ = StartSums(SmallRlvrSpec());
  }
  absl::Status Hear() {
    cohort::v1::RankHeartbeatRequest alive;
    alive.set_job(place_.job());
    alive.set_incarnation(place_.incarnation());
    return gangs_->Heartbeat(alive);
  }
  cohort::v1::JoinGangResponse place_;
};

TEST_F(ClockFaultTest, WallClockThatIsSetByHoursChangesNothing) {
  const auto claimed = Claim("worker", 8);
  ASSERT_EQ(claimed.groups_size(), 4);
  for (const absl::Duration change : {absl::Hours(30), absl::Hours(-60), absl::Hours(24 * 365)}) {
    clock_.SetWallClock(change);
    Tick();
    EXPECT_EQ(NumLost("worker", claimed), 0) << "leases are not of the wall clock";
    EXPECT_OK(Hear()) << "nor is a rank silent";
  }
  ASSERT_OK(Submit(claimed));
  ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(place_, 0));
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->groups_size(), 4);
  ASSERT_OK(Commit(place_, 1, 'b'));
  ASSERT_OK_AND_ASSIGN(const auto events, store_.ListEvents(NameOf("sums"), 0, 100));
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence(), static_cast<int64_t>(i) + 1);
}

TEST_F(ClockFaultTest, WorkerThatStoodStillForLongerThanItsLeaseIsRefusedAndNothingOfItIsApplied) {
  const auto late = Claim("stopped", 4);
  ASSERT_EQ(late.groups_size(), 4);
  for (int second = 0; second < 31; ++second) {
    clock_.Advance(absl::Seconds(1));
    ASSERT_OK(Hear());
    Tick();
  }
  const auto again = Claim("other", 4);
  ASSERT_EQ(again.groups_size(), 4);
  EXPECT_EQ(NumLost("stopped", late), 4);
  ASSERT_OK_AND_ASSIGN(const auto refused, Submit(late));
  for (const auto& receipt : refused) {
    EXPECT_FALSE(receipt.accepted());
    EXPECT_THAT(receipt.reason(), HasSubstr("lease lost"));
  }
  ASSERT_OK_AND_ASSIGN(const auto groups, store_.GetGroups(NameOf("sums"), {0, 1, 2, 3}));
  for (const GroupRecord& group : groups) EXPECT_EQ(group.location.length_bytes, 0);
  ASSERT_OK(Submit(again));
  ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(place_, 0));
  EXPECT_TRUE(plan.has_value());
}

TEST_F(ClockFaultTest, LeaseOfAFormerCoordinatorThatRanOutIsLostForGood) {
  const auto late = Claim("stopped", 4);
  ASSERT_EQ(late.groups_size(), 4);
  Restart();
  EXPECT_EQ(NumLost("stopped", late), 0) << "taken over";
  clock_.Advance(absl::Seconds(31));
  Tick();
  // Nobody else has the groups yet.
  EXPECT_EQ(NumLost("stopped", late), 4);
  ASSERT_OK_AND_ASSIGN(const auto refused, Submit(late));
  for (const auto& receipt : refused) {
    EXPECT_FALSE(receipt.accepted());
    EXPECT_THAT(receipt.reason(), HasSubstr("lease lost"));
  }
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto again = Claim("other", 4);
  ASSERT_EQ(again.groups_size(), 4);
  ASSERT_OK_AND_ASSIGN(const auto accepted, Submit(again));
  for (const auto& receipt : accepted) EXPECT_TRUE(receipt.accepted()) << receipt.reason();
}

TEST_F(ClockFaultTest, JumpOfTheMonotonicClockEndsLeasesAndGangsOnceAndTheJobGoesOn) {
  const auto claimed = Claim("worker", 8);
  ASSERT_EQ(claimed.groups_size(), 4);
  clock_.Advance(absl::Hours(5));
  Tick();
  EXPECT_EQ(NumLost("worker", claimed), 4);
  EXPECT_THAT(Get("sums").state_reason(), HasSubstr("was silent"));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  ASSERT_OK(Submit(Claim("worker", 8)));
  EXPECT_TRUE(Get("sums").dropped_groups().empty());
}

}  // namespace
}  // namespace cohort::coordinator
