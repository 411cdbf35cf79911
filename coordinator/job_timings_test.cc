// SPDX-License-Identifier: Apache-2.0
// When things happened to groups and steps: kept with them, and answered by ListRollouts and ListSteps.
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/config/proto_time.h"
#include "common/testing/status_matchers.h"
#include "coordinator/job_history.h"
#include "coordinator/rollout_browser.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/sample_group.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::FromProtoTimestamp;
using ::testing::ElementsAreArray;

class JobTimingsTest : public BenchCoordinator {
 protected:
  void SetUp() override {
    BenchCoordinator::SetUp();
    place_ = StartSums(SmallRlvrSpec());
  }

  // What the worker says of its own clock, which is an hour ahead.
  absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> SubmitTimed(const cohort::v1::ClaimGroupsResponse& claimed) {
    std::vector<Submission> submissions;
    for (const auto& assignment : claimed.groups()) {
      Submission& submission = submissions.emplace_back();
      submission.lease = assignment.lease();
      submission.group = SampleGroup(assignment, FirstSiblingIsRight());
      cohort::v1::GroupTimings& timings = *submission.group.mutable_timings();
      const absl::Time worker_now = clock_.Now() + absl::Hours(1);
      *timings.mutable_claimed_time() = common::ToProtoTimestamp(worker_now - absl::Seconds(3));
      *timings.mutable_sampling_begin_time() = common::ToProtoTimestamp(worker_now - absl::Seconds(2));
      *timings.mutable_sampling_end_time() = common::ToProtoTimestamp(worker_now - absl::Seconds(1));
      *timings.mutable_scoring_begin_time() = common::ToProtoTimestamp(worker_now - absl::Seconds(1));
      *timings.mutable_scoring_end_time() = common::ToProtoTimestamp(worker_now);
    }
    return rollouts_->Submit(submissions);
  }
  cohort::v1::ListRolloutsResponse Rollouts(bool timings_only = true) {
    cohort::v1::ListRolloutsRequest request;
    request.set_parent(NameOf("sums"));
    request.set_page_size(100);
    request.mutable_filter()->set_last_step(0);
    request.set_timings_only(timings_only);
    const auto response = RolloutBrowser(&context_).List(request);
    EXPECT_OK(response);
    return response.ok() ? *response : cohort::v1::ListRolloutsResponse();
  }
  cohort::v1::StepReport Step(bool with_timings) {
    cohort::v1::ListStepsRequest request;
    request.set_parent(NameOf("sums"));
    request.set_with_timings(with_timings);
    const auto response = ListSteps(context_.store, request);
    EXPECT_OK(response);
    if (!response.ok() || response->steps_size() != 1) return {};
    return response->steps(0).step();
  }
  // Trains step 0; the plan is asked for, and the step committed, a second each later.
  absl::Status CommitTimed() {
    clock_.Advance(absl::Seconds(1));
    cohort::v1::CommitStepRequest request;
    request.set_incarnation(place_.incarnation());
    request.set_version(1);
    request.set_digest(std::string(32, '1'));
    cohort::v1::RankTimings& rank = *request.add_rank_timings();
    cohort::v1::PhaseTiming& wait = *rank.add_phases();
    wait.set_phase("wait");
    *wait.mutable_begin_time() = common::ToProtoTimestamp(clock_.Now() - absl::Seconds(2));
    *wait.mutable_end_time() = common::ToProtoTimestamp(clock_.Now() - absl::Seconds(1));
    return Runtime("sums")->CommitStep(request);
  }

  cohort::v1::JoinGangResponse place_;
};

TEST_F(JobTimingsTest, AGroupKeepsItsTimesOverARestart) {
  clock_.Advance(absl::Seconds(1));
  const cohort::v1::ClaimGroupsResponse claimed = Claim("worker", 100);
  ASSERT_GT(claimed.groups_size(), 0);
  clock_.Advance(absl::Seconds(5));
  const absl::Time accepted = clock_.Now();
  ASSERT_OK(SubmitTimed(claimed));
  Restart();
  const auto response = Rollouts();
  ASSERT_GT(response.rollouts_size(), 0);
  for (const auto& stored : response.rollouts()) {
    const cohort::v1::GroupTimings& timings = stored.group().timings();
    EXPECT_EQ(FromProtoTimestamp(timings.accepted_time()), accepted);
    EXPECT_EQ(FromProtoTimestamp(timings.leased_time()), accepted - absl::Seconds(5));
    EXPECT_EQ(FromProtoTimestamp(timings.admitted_time()), accepted - absl::Seconds(6));
    EXPECT_EQ(FromProtoTimestamp(timings.claimed_time()), accepted + absl::Hours(1) - absl::Seconds(3));
    EXPECT_EQ(FromProtoTimestamp(timings.scoring_end_time()), accepted + absl::Hours(1));
  }
}

TEST_F(JobTimingsTest, TimingsOnlyLeavesOutWhatIsLarge) {
  ASSERT_OK(SubmitTimed(Claim("worker", 100)));
  const auto whole = Rollouts(/*timings_only=*/false);
  const auto timings = Rollouts();
  ASSERT_GT(whole.rollouts_size(), 0);
  ASSERT_EQ(timings.rollouts_size(), whole.rollouts_size());
  for (int i = 0; i < whole.rollouts_size(); ++i) {
    EXPECT_GT(whole.rollouts(i).group().rollouts_size(), 0);
    EXPECT_EQ(timings.rollouts(i).group().rollouts_size(), 0);
    EXPECT_EQ(timings.rollouts(i).group().prompt_token_ids_size(), 0);
    EXPECT_EQ(timings.rollouts(i).prompt(), "");
    EXPECT_EQ(timings.rollouts(i).group().group_id(), whole.rollouts(i).group().group_id());
    EXPECT_EQ(timings.rollouts(i).fate(), whole.rollouts(i).fate());
    EXPECT_EQ(timings.rollouts(i).group().timings().DebugString(), whole.rollouts(i).group().timings().DebugString());
  }
}

TEST_F(JobTimingsTest, WhatARestartForgetsIsAbsent) {
  const cohort::v1::ClaimGroupsResponse claimed = Claim("worker", 100);
  Restart();
  ASSERT_OK(SubmitTimed(claimed));
  const auto response = Rollouts();
  ASSERT_GT(response.rollouts_size(), 0);
  for (const auto& stored : response.rollouts()) {
    EXPECT_FALSE(stored.group().timings().has_admitted_time());
    EXPECT_FALSE(stored.group().timings().has_leased_time());
    EXPECT_TRUE(stored.group().timings().has_accepted_time());
  }
}

TEST_F(JobTimingsTest, AStepKeepsItsPlanAndItsRanks) {
  ASSERT_OK(SubmitTimed(Claim("worker", 100)));
  const absl::Time planned = clock_.Now();
  const auto plan = GetPlan(place_, 0);
  ASSERT_OK(plan);
  ASSERT_TRUE(plan->has_value());
  ASSERT_OK(CommitTimed());
  Restart();
  const cohort::v1::StepTimings timings = Step(/*with_timings=*/true).timings();
  EXPECT_EQ(FromProtoTimestamp(timings.planned_time()), planned);
  std::vector<int64_t> planned_ids;
  for (const auto& group : (*plan)->groups()) planned_ids.push_back(group.group_id());
  EXPECT_THAT(timings.group_ids(), ElementsAreArray(planned_ids));
  ASSERT_EQ(timings.ranks_size(), 1);
  EXPECT_EQ(timings.ranks(0).phases(0).phase(), "wait");
  EXPECT_FALSE(Step(/*with_timings=*/false).has_timings());
}

TEST_F(JobTimingsTest, TimesOfAPlanThatAnotherProcessMadeAreAbsent) {
  ASSERT_OK(SubmitTimed(Claim("worker", 100)));
  Restart();
  place_ = Join();
  ASSERT_OK(Publish(place_, 0, 'a'));
  const auto plan = GetPlan(place_, 0);
  ASSERT_OK(plan);
  ASSERT_TRUE(plan->has_value());
  ASSERT_OK(CommitTimed());
  const cohort::v1::StepTimings timings = Step(/*with_timings=*/true).timings();
  EXPECT_FALSE(timings.has_planned_time());
  EXPECT_EQ(timings.ranks_size(), 1);
}

TEST_F(JobTimingsTest, TimesOfRanksThatTheGangDoesNotHaveAreLeftOutOfTheStep) {
  ASSERT_OK(SubmitTimed(Claim("worker", 100)));
  ASSERT_OK(GetPlan(place_, 0));
  cohort::v1::CommitStepRequest request;
  request.set_incarnation(place_.incarnation());
  request.set_version(1);
  request.set_digest(std::string(32, '1'));
  request.add_rank_timings()->set_rank(9);
  ASSERT_OK(Runtime("sums")->CommitStep(request));
  const cohort::v1::StepTimings timings = Step(/*with_timings=*/true).timings();
  EXPECT_EQ(timings.ranks_size(), 0);
  EXPECT_GT(timings.group_ids_size(), 0);
}

}  // namespace
}  // namespace cohort::coordinator
