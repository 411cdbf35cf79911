// SPDX-License-Identifier: Apache-2.0
// Jobs planned in order of arrival (max_lag), and what bounds sampling that fails.
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/sample_group.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

cohort::v1::JobSpec ByArrival(int32_t max_lag) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_rollout()->set_max_lag(max_lag);
  return spec;
}

class JobScheduleTest : public BenchCoordinator {
 protected:
  void Start(const cohort::v1::JobSpec& spec) { place_ = StartSums(spec); }
  // The groups that a worker holds from now on, by id.
  std::vector<int64_t> ClaimAll() {
    std::vector<int64_t> ids;
    const auto claimed = Claim("worker", 100);
    for (const auto& assignment : claimed.groups()) {
      held_[assignment.group_id()] = assignment;
      ids.push_back(assignment.group_id());
    }
    return ids;
  }
  // One after the other, so that they arrive in this order.
  void SubmitInOrder(const std::vector<int64_t>& ids) {
    for (const int64_t id : ids) {
      cohort::v1::ClaimGroupsResponse one;
      *one.add_groups() = held_[id];
      ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(one));
      ASSERT_TRUE(receipts[0].accepted()) << id << ": " << receipts[0].reason();
    }
  }
  std::vector<int64_t> PlannedIds(int64_t version) {
    const auto plan = GetPlan(place_, version);
    std::vector<int64_t> ids;
    if (!plan.ok() || !plan->has_value()) return ids;
    for (const auto& group : (*plan)->groups()) ids.push_back(group.group_id());
    return ids;
  }
  GroupRecord Group(int64_t id) { return store_.GetGroups(NameOf("sums"), {id})->front(); }

  cohort::v1::JoinGangResponse place_;
  std::map<int64_t, cohort::v1::GroupAssignment> held_;
};

TEST_F(JobScheduleTest, PlanTakesTheFirstGroupsThatArrived) {
  Start(ByArrival(1));
  EXPECT_EQ(ClaimAll().size(), 8u) << "(1 + 1) x 4 slots";
  SubmitInOrder({7, 2, 5});
  EXPECT_THAT(PlannedIds(0), IsEmpty());
  SubmitInOrder({0});
  EXPECT_THAT(PlannedIds(0), ElementsAre(7, 2, 5, 0));
  SubmitInOrder({1});
  EXPECT_THAT(PlannedIds(0), ElementsAre(7, 2, 5, 0)) << "a plan stays as it was stored";
}

TEST_F(JobScheduleTest, FreedSlotsAdmitGroupsOfTheNewestVersionOnceItIsPublished) {
  Start(ByArrival(1));
  ClaimAll();
  SubmitInOrder({0, 1, 2, 3});
  PlannedIds(0);
  ASSERT_OK(Commit(place_, 1, 'b'));
  EXPECT_THAT(ClaimAll(), IsEmpty()) << "version 1 is not published yet";
  ASSERT_OK(Publish(place_, 1, 'b'));
  EXPECT_THAT(ClaimAll(), ElementsAre(8, 9, 10, 11));
  EXPECT_EQ(Group(8).policy_version, 1);
  EXPECT_EQ(Group(8).step, kNoStep);
  SubmitInOrder({9, 4, 8, 5});
  EXPECT_THAT(PlannedIds(1), ElementsAre(9, 4, 8, 5));
  EXPECT_EQ(Group(9).step, 1);
}

TEST_F(JobScheduleTest, GroupsThatEveryLaterPlanFindsTooOldAreDroppedAndCounted) {
  Start(ByArrival(1));
  ClaimAll();
  SubmitInOrder({0, 1, 2, 3});
  PlannedIds(0);
  ASSERT_OK(Commit(place_, 1, 'b'));
  ASSERT_OK(Publish(place_, 1, 'b'));
  ClaimAll();
  SubmitInOrder({8, 9, 10, 4, 11});
  EXPECT_THAT(PlannedIds(1), ElementsAre(8, 9, 10, 4));
  // The plan after it is that of version 2: at least version 1.
  for (const int64_t id : {5, 6, 7}) {
    EXPECT_EQ(Group(id).state, GroupState::kDropped);
    EXPECT_THAT(Group(id).drop_reason, StartsWith("stale: sampled by version 0"));
  }
  EXPECT_EQ(Get("sums").dropped_groups().at("stale"), 3);
  EXPECT_EQ(Group(11).state, GroupState::kScored);
  cohort::v1::ClaimGroupsResponse late;
  *late.add_groups() = held_[5];
  EXPECT_EQ(NumLost("worker", late), 1);
  ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(late));
  EXPECT_EQ(receipts[0].reason(), "lease lost");
  EXPECT_THAT(ClaimAll(), ElementsAre(12, 13, 14)) << "their slots are free, and the last step needs three more";
}

TEST_F(JobScheduleTest, OrderOfArrivalAndAgesAreTheSameAfterARestart) {
  Start(ByArrival(1));
  ClaimAll();
  SubmitInOrder({6, 3, 5});
  Restart();
  place_ = Join();
  ASSERT_OK(Publish(place_, 0, 'a'));
  EXPECT_EQ(ClaimAll().size(), 5u) << "what was in flight waits again";
  SubmitInOrder({7});
  EXPECT_THAT(PlannedIds(0), ElementsAre(6, 3, 5, 7));
  Restart();
  place_ = Join();
  EXPECT_THAT(PlannedIds(0), ElementsAre(6, 3, 5, 7));
}

TEST_F(JobScheduleTest, NothingIsAdmittedWhileRanksReplay) {
  Start(ByArrival(1));
  ClaimAll();
  SubmitInOrder({0, 1, 2, 3});
  PlannedIds(0);
  ASSERT_OK(Commit(place_, 1, 'b'));
  Restart();
  place_ = Join();
  ASSERT_OK(Publish(place_, 0, 'a'));
  EXPECT_THAT(ClaimAll(), ElementsAre(4, 5, 6, 7)) << "of version 0, which they were admitted for";
  PlannedIds(0);
  ASSERT_OK(Commit(place_, 1, 'b'));
  ASSERT_OK(Publish(place_, 1, 'b'));
  EXPECT_THAT(ClaimAll(), ElementsAre(8, 9, 10, 11));
}

TEST_F(JobScheduleTest, StalenessIsMeasured) {
  Start(ByArrival(1));
  ClaimAll();
  SubmitInOrder({0, 1, 2, 3});
  PlannedIds(0);
  ASSERT_OK(Commit(place_, 1, 'b'));
  ASSERT_OK(Publish(place_, 1, 'b'));
  ClaimAll();
  SubmitInOrder({4, 8, 9, 10});
  PlannedIds(1);
  ASSERT_OK(Commit(place_, 2, 'c'));
  const auto steps = store_.ListStepEvents(NameOf("sums"), 0, 10);
  ASSERT_OK(steps);
  EXPECT_EQ(steps->at(0).step().metrics().at("staleness_max"), 0);
  EXPECT_EQ(steps->at(1).step().metrics().at("staleness_max"), 1);
  EXPECT_EQ(steps->at(1).step().metrics().at("staleness_mean"), 0.25);
}

TEST_F(JobScheduleTest, DynamicSamplingGoesWithALag) {
  cohort::v1::JobSpec spec = ByArrival(1);
  spec.mutable_objective()->mutable_dynamic_sampling()->set_enabled(true);
  Start(spec);
  cohort::v1::ClaimGroupsResponse claimed = Claim("worker", 100);
  ASSERT_EQ(claimed.groups_size(), 8);
  // The rewards of group 1 are equal.
  std::vector<Submission> submissions;
  for (const auto& assignment : claimed.groups()) {
    submissions.push_back({.lease = assignment.lease(), .group = SampleGroup(assignment, FirstSiblingIsRight())});
    if (assignment.group_id() == 1) submissions.back().group.mutable_rollouts(0)->set_reward(0);
  }
  ASSERT_OK(rollouts_->Submit(submissions));
  EXPECT_THAT(PlannedIds(0), ElementsAre(0, 2, 3, 4));
  EXPECT_EQ(Get("sums").dropped_groups().at("zero_signal"), 1);
}

TEST_F(JobScheduleTest, JobWhoseGroupsAreGivenUpFailsByName) {
  for (const bool is_by_arrival : {false, true}) {
    const std::string id = is_by_arrival ? "by-arrival" : "by-id";
    cohort::v1::JobSpec spec = is_by_arrival ? ByArrival(1) : SmallRlvrSpec();
    spec.mutable_rlvr()->mutable_rollout()->set_max_attempts(1);
    ASSERT_OK(Create(id, spec));
    const auto place = Join("rank of " + id);
    ASSERT_OK(Publish(place, 0, 'a'));
    for (int i = 0; i < 20 && Get(id).state() == cohort::v1::JOB_STATE_RUNNING; ++i) {
      Release(Claim(absl::StrCat("worker-", i), 1), "no memory");
    }
    EXPECT_EQ(Get(id).state(), cohort::v1::JOB_STATE_FAILED);
    EXPECT_THAT(Get(id).state_reason(), HasSubstr("sampled groups were given up after rlvr.rollout.max_attempts, more "
                                                  "than rlvr.rollout.max_errored_share (0.5)"));
    // By arrival eight groups and one for each of the first four that were given up; the last one has none.
    EXPECT_THAT(store_.LargestTrainingGroup(NameOf(id)), common::IsOkAndHolds(is_by_arrival ? 11 : 3));
  }
}

}  // namespace
}  // namespace cohort::coordinator
