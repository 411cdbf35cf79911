// SPDX-License-Identifier: Apache-2.0
// Groups of two jobs in one call, of which one cannot be stored; and groups that belong to somebody else.
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/sample_group.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::HasSubstr;

class PartialSubmitTest : public BenchCoordinator {
 protected:
  void Begin(const std::string& id) {
    ASSERT_OK(Create(id, SmallRlvrSpec()));
    const auto place = Join("rank of " + id);
    ASSERT_EQ(place.job(), NameOf(id));
    ASSERT_OK(Publish(place, 0, 'a'));
  }
  static Submission Sample(const cohort::v1::GroupAssignment& assignment, const std::string& worker) {
    return {.lease = assignment.lease(), .group = SampleGroup(assignment, FirstSiblingIsRight()), .worker_id = worker};
  }
};

TEST_F(PartialSubmitTest, GroupsOfTheJobInTroubleAreToBeSubmittedAgainAndTheOthersAreStored) {
  Begin("first");
  Begin("second");
  const auto claimed = Claim("worker", 8);
  ASSERT_EQ(claimed.groups_size(), 8);
  fault_.store = absl::ResourceExhaustedError("No space left on device");
  fault_.store_of_job = NameOf("second");
  ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(claimed));
  ASSERT_EQ(receipts.size(), 8u);
  cohort::v1::ClaimGroupsResponse rest;
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(receipts[i].job(), claimed.groups(i).job());
    EXPECT_EQ(receipts[i].group_id(), claimed.groups(i).group_id());
    const bool is_in_trouble = receipts[i].job() == NameOf("second");
    EXPECT_EQ(receipts[i].accepted(), !is_in_trouble);
    EXPECT_EQ(receipts[i].try_again(), is_in_trouble);
    if (!is_in_trouble) continue;
    EXPECT_THAT(receipts[i].reason(), HasSubstr("No space left on device"));
    *rest.add_groups() = claimed.groups(i);
  }
  EXPECT_EQ(NumLost("worker", rest), 0) << "the leases stay";
  EXPECT_THAT(WhyTryAgain(Submit(rest)), HasSubstr("No space left")) << "nothing of it could be stored";
  fault_ = {};
  ASSERT_OK_AND_ASSIGN(const auto later, Submit(rest));
  for (const auto& receipt : later) EXPECT_TRUE(receipt.accepted()) << receipt.reason();
}

TEST_F(PartialSubmitTest, GroupThatAnotherWorkerHoldsIsRefusedAndCountsAgainstWhoSentIt) {
  Begin("sums");
  const auto held = Claim("honest", 1);
  ASSERT_EQ(held.groups_size(), 1);
  const auto own = Claim("foreigner", 3);
  ASSERT_EQ(own.groups_size(), 3);
  // The numbers of the lease fit: every first attempt of an epoch has the same.
  for (const auto& assignment : own.groups()) {
    Submission foreign = Sample(assignment, "foreigner");
    foreign.group.set_group_id(held.groups(0).group_id());
    ASSERT_OK_AND_ASSIGN(const auto receipts, rollouts_->Submit({foreign}));
    EXPECT_FALSE(receipts[0].accepted());
    EXPECT_EQ(receipts[0].reason(), "the lease is held by another worker (honest)");
  }
  EXPECT_EQ(workers_->DescribeSetAside(), "foreigner after 3 failures (the lease is held by another worker (honest))");
  EXPECT_EQ(NumLost("honest", held), 0);
  ASSERT_OK_AND_ASSIGN(const auto receipts, rollouts_->Submit({Sample(held.groups(0), "honest")}));
  EXPECT_TRUE(receipts[0].accepted()) << receipts[0].reason();
}

}  // namespace
}  // namespace cohort::coordinator
