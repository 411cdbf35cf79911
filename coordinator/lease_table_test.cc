// SPDX-License-Identifier: Apache-2.0
#include "coordinator/lease_table.h"

#include <gmock/gmock.h>

#include "common/testing/simulated_clock.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Pair;

cohort::v1::LeaseToken Token(int64_t epoch, int32_t attempt) {
  cohort::v1::LeaseToken token;
  token.set_coordinator_epoch(epoch);
  token.set_attempt(attempt);
  return token;
}

class LeaseTableTest : public ::testing::Test {
 protected:
  common::SimulatedClock clock_;
  LeaseTable leases_{absl::Seconds(10)};
};

TEST_F(LeaseTableTest, LeaseRunsOutAfterItsDurationAndNotBefore) {
  leases_.Grant(1, "a", Token(1, 1), clock_.Monotonic());
  clock_.Advance(absl::Seconds(10) - absl::Nanoseconds(1));
  EXPECT_THAT(leases_.TakeExpired(clock_.Monotonic()), IsEmpty());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(leases_.TakeExpired(clock_.Monotonic()), ElementsAre(Field(&EndedLease::group_id, 1)));
  EXPECT_FALSE(leases_.IsLeased(1));
  EXPECT_THAT(leases_.TakeExpired(clock_.Monotonic()), IsEmpty()) << "taken once";
}

TEST_F(LeaseTableTest, KnowsWhenItGrantedALeaseToTheTokenThatHoldsIt) {
  clock_.Advance(absl::Seconds(3));
  leases_.Grant(1, "a", Token(2, 1), clock_.Monotonic());
  leases_.TakeOver(2, "a", Token(1, 1), clock_.Monotonic());
  clock_.Advance(absl::Seconds(3));
  EXPECT_TRUE(leases_.Renew(1, Token(2, 1), clock_.Monotonic()));
  EXPECT_EQ(leases_.GrantedAt(1, Token(2, 1)), absl::Seconds(3));
  EXPECT_EQ(leases_.GrantedAt(1, Token(2, 2)), std::nullopt);
  EXPECT_EQ(leases_.GrantedAt(2, Token(1, 1)), std::nullopt) << "by a former process";
  EXPECT_EQ(leases_.GrantedAt(3, Token(2, 1)), std::nullopt);
}

TEST_F(LeaseTableTest, RenewalStartsTheDurationAgain) {
  leases_.Grant(1, "a", Token(1, 1), clock_.Monotonic());
  clock_.Advance(absl::Seconds(9));
  EXPECT_TRUE(leases_.Renew(1, Token(1, 1), clock_.Monotonic()));
  clock_.Advance(absl::Seconds(9));
  EXPECT_THAT(leases_.TakeExpired(clock_.Monotonic()), IsEmpty());
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(leases_.TakeExpired(clock_.Monotonic()), ElementsAre(Field(&EndedLease::group_id, 1)));
}

TEST_F(LeaseTableTest, TimeInWhichNobodyCouldRenewDoesNotCount) {
  leases_.Grant(1, "a", Token(1, 1), clock_.Monotonic());
  clock_.Advance(absl::Seconds(25));
  leases_.Extend(absl::Seconds(20));
  EXPECT_THAT(leases_.TakeExpired(clock_.Monotonic()), IsEmpty());
  clock_.Advance(absl::Seconds(5));
  EXPECT_THAT(leases_.TakeExpired(clock_.Monotonic()), ElementsAre(Field(&EndedLease::worker_id, "a")));
}

TEST_F(LeaseTableTest, LeasesGrantedAfterAnExtensionAreNotExtendedByIt) {
  leases_.Extend(absl::Seconds(20));
  leases_.Grant(1, "a", Token(1, 1), clock_.Monotonic());
  clock_.Advance(absl::Seconds(10));
  EXPECT_THAT(leases_.TakeExpired(clock_.Monotonic()), ElementsAre(Field(&EndedLease::group_id, 1)));
}

TEST_F(LeaseTableTest, ALeaseThatEndedDoesNotRunOut) {
  leases_.Grant(1, "a", Token(1, 1), clock_.Monotonic());
  leases_.End(1);
  leases_.Grant(2, "a", Token(1, 1), clock_.Monotonic());
  EXPECT_EQ(leases_.TakeAll().size(), 1u);
  clock_.Advance(absl::Seconds(20));
  EXPECT_THAT(leases_.TakeExpired(clock_.Monotonic()), IsEmpty());
}

TEST_F(LeaseTableTest, OnlyTheGrantedTokenHoldsTheLease) {
  leases_.Grant(1, "a", Token(2, 3), clock_.Monotonic());
  EXPECT_TRUE(leases_.Holds(1, Token(2, 3)));
  EXPECT_FALSE(leases_.Holds(1, Token(2, 2)));
  EXPECT_FALSE(leases_.Holds(1, Token(1, 3)));
  EXPECT_FALSE(leases_.Holds(2, Token(2, 3)));
  EXPECT_FALSE(leases_.Renew(1, Token(2, 2), clock_.Monotonic()));
}

TEST_F(LeaseTableTest, LeaseOfAFormerProcessIsRememberedAfterItsEnd) {
  leases_.TakeOver(1, "a", Token(1, 1), clock_.Monotonic());
  EXPECT_TRUE(leases_.Holds(1, Token(1, 1)));
  leases_.Grant(2, "a", Token(2, 1), clock_.Monotonic());
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(leases_.TakeExpired(clock_.Monotonic()).size(), 2u);
  EXPECT_TRUE(leases_.WasTakenOver(1));
  EXPECT_FALSE(leases_.WasTakenOver(2));
}

TEST_F(LeaseTableTest, CountsLeasesByWorker) {
  leases_.Grant(1, "a", Token(1, 1), clock_.Monotonic());
  leases_.Grant(2, "b", Token(1, 1), clock_.Monotonic());
  leases_.Grant(3, "a", Token(1, 1), clock_.Monotonic());
  EXPECT_THAT(leases_.LeasesByWorker(), ElementsAre(Pair("a", 2), Pair("b", 1)));
  EXPECT_EQ(leases_.WorkerOf(2), "b");
  EXPECT_EQ(leases_.NumOtherWorkers("a"), 1);
  EXPECT_EQ(leases_.NumOtherWorkers("c"), 2);
  leases_.End(2);
  EXPECT_EQ(leases_.WorkerOf(2), "");
  EXPECT_EQ(leases_.size(), 2);
  EXPECT_EQ(leases_.NumOtherWorkers("a"), 0);
  clock_.Advance(absl::Seconds(20));
  EXPECT_EQ(leases_.TakeExpired(clock_.Monotonic()).size(), 2u);
  EXPECT_THAT(leases_.LeasesByWorker(), IsEmpty());
}

}  // namespace
}  // namespace cohort::coordinator
