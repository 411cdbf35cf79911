// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/held_leases.h"

#include <gtest/gtest.h>

namespace cohort::rollout_worker {
namespace {

cohort::v1::GroupLease Lease(int64_t group, int32_t attempt) {
  cohort::v1::GroupAssignment assignment;
  assignment.set_job("job");
  assignment.set_group_id(group);
  assignment.mutable_lease()->set_coordinator_epoch(3);
  assignment.mutable_lease()->set_attempt(attempt);
  return LeaseOf(assignment);
}

TEST(HeldLeasesTest, LeaseIsHeldUntilRemoved) {
  HeldLeases leases;
  EXPECT_TRUE(leases.Add(Lease(1, 1)));
  EXPECT_FALSE(leases.Add(Lease(1, 1)));
  EXPECT_TRUE(leases.IsHeld(Lease(1, 1)));
  EXPECT_EQ(leases.List().size(), 1u);
  leases.Remove(Lease(1, 1));
  EXPECT_FALSE(leases.IsHeld(Lease(1, 1)));
  EXPECT_EQ(leases.num_lost(), 0);
}

TEST(HeldLeasesTest, AttemptsOfOneGroupAreDifferentLeases) {
  HeldLeases leases;
  leases.Add(Lease(1, 1));
  leases.Add(Lease(1, 2));
  EXPECT_TRUE(leases.Lose(Lease(1, 1)));
  EXPECT_FALSE(leases.IsHeld(Lease(1, 1)));
  EXPECT_TRUE(leases.IsHeld(Lease(1, 2)));
}

TEST(HeldLeasesTest, LosingAnUnknownLeaseChangesNothing) {
  HeldLeases leases;
  EXPECT_FALSE(leases.Lose(Lease(1, 1)));
  EXPECT_EQ(leases.num_lost(), 0);
  leases.Add(Lease(1, 1));
  EXPECT_TRUE(leases.Lose(Lease(1, 1)));
  EXPECT_EQ(leases.num_lost(), 1);
}

}  // namespace
}  // namespace cohort::rollout_worker
