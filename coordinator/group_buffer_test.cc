// SPDX-License-Identifier: Apache-2.0
#include "coordinator/group_buffer.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;

GroupRecord TrainGroup(int64_t id, int64_t version = 0, int64_t step = 0) {
  GroupRecord group;
  group.group_id = id;
  group.policy_version = version;
  group.step = step;
  return group;
}

GroupRecord EvaluationGroup(int64_t id, int64_t version = 0) {
  GroupRecord group = TrainGroup(id, version);
  group.purpose = cohort::v1::GROUP_PURPOSE_EVALUATE;
  return group;
}

TEST(GroupBufferTest, TrainingGroupsAreBoundedBySlots) {
  GroupBuffer buffer(/*num_slots=*/2);
  EXPECT_OK(buffer.Admit(TrainGroup(0)));
  EXPECT_OK(buffer.Admit(TrainGroup(1)));
  EXPECT_THAT(buffer.Admit(TrainGroup(2)), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(buffer.Admit(EvaluationGroup(100)));
  EXPECT_EQ(buffer.num_used_slots(), 2);
  EXPECT_OK(buffer.Drop(0));
  EXPECT_OK(buffer.Admit(TrainGroup(2)));
}

TEST(GroupBufferTest, GroupGoesThroughItsStatesInOrder) {
  GroupBuffer buffer(1);
  ASSERT_OK(buffer.Admit(TrainGroup(5)));
  EXPECT_THAT(buffer.Return(5, false), StatusIs(absl::StatusCode::kFailedPrecondition)) << "not in flight";
  ASSERT_OK(buffer.Claim(5));
  EXPECT_EQ(buffer.Find(5)->attempt, 1);
  EXPECT_THAT(buffer.Claim(5), StatusIs(absl::StatusCode::kFailedPrecondition)) << "already in flight";
  GroupRecord scored = *buffer.Find(5);
  scored.scored_attempt = 1;
  scored.outcome.num_truncated = 3;
  ASSERT_OK(buffer.SetScored(scored));
  EXPECT_EQ(buffer.Find(5)->outcome.num_truncated, 3);
  EXPECT_THAT(buffer.SetScored(scored), StatusIs(absl::StatusCode::kFailedPrecondition)) << "scored once";
  ASSERT_OK(buffer.SetPlanned(5, /*step=*/0));
  EXPECT_THAT(buffer.Drop(5), StatusIs(absl::StatusCode::kFailedPrecondition)) << "a planned group is trained";
  ASSERT_OK(buffer.Finish(5));
  EXPECT_EQ(buffer.Find(5), nullptr);
  EXPECT_EQ(buffer.num_used_slots(), 0);
  EXPECT_THAT(buffer.Finish(5), StatusIs(absl::StatusCode::kNotFound));
}

TEST(GroupBufferTest, ReturnedGroupWaitsAgainAndRemembersTheFailure) {
  GroupBuffer buffer(1);
  ASSERT_OK(buffer.Admit(TrainGroup(5)));
  ASSERT_OK(buffer.Claim(5));
  ASSERT_OK(buffer.Return(5, /*is_failure=*/true));
  EXPECT_EQ(buffer.Find(5)->state, GroupState::kWaiting);
  EXPECT_EQ(buffer.Find(5)->failed_attempts, 1);
  ASSERT_OK(buffer.Claim(5));
  ASSERT_OK(buffer.Return(5, /*is_failure=*/false));
  EXPECT_EQ(buffer.Find(5)->failed_attempts, 1);
  EXPECT_EQ(buffer.Find(5)->attempt, 2);
}

TEST(GroupBufferTest, LowestVersionThenLowestIdIsNext) {
  GroupBuffer buffer(9);
  ASSERT_OK(buffer.Admit(TrainGroup(1, /*version=*/2)));
  ASSERT_OK(buffer.Admit(TrainGroup(7, /*version=*/1)));
  ASSERT_OK(buffer.Admit(TrainGroup(6, /*version=*/1)));
  ASSERT_OK(buffer.Admit(TrainGroup(9, /*version=*/0)));
  EXPECT_EQ(buffer.NextWaiting({1, 2})->group_id, 6) << "version 0 is not published";
  EXPECT_EQ(buffer.NextWaiting({2})->group_id, 1);
  EXPECT_EQ(buffer.NextWaiting({3}), nullptr);
  EXPECT_EQ(buffer.NextWaiting({1, 2}, [](int64_t id) { return id == 6; })->group_id, 7);
  EXPECT_EQ(buffer.NextWaiting({1, 2}, [](int64_t) { return true; }), nullptr);
  ASSERT_OK(buffer.Claim(6));
  EXPECT_EQ(buffer.NextWaiting({1})->group_id, 7);
}

TEST(GroupBufferTest, OldestUnscoredVersionRisesAsGroupsAreScored) {
  GroupBuffer buffer(2);
  EXPECT_FALSE(buffer.OldestUnscoredVersion().has_value());
  ASSERT_OK(buffer.Admit(TrainGroup(0, /*version=*/3)));
  ASSERT_OK(buffer.Admit(TrainGroup(1, /*version=*/4)));
  EXPECT_EQ(buffer.OldestUnscoredVersion(), 3);
  ASSERT_OK(buffer.Claim(0));
  EXPECT_EQ(buffer.OldestUnscoredVersion(), 3) << "in flight still needs the version";
  ASSERT_OK(buffer.SetScored(*buffer.Find(0)));
  EXPECT_EQ(buffer.OldestUnscoredVersion(), 4);
}

TEST(GroupBufferTest, GroupsOfStepAreTrainingGroupsOfThatStep) {
  GroupBuffer buffer(3);
  ASSERT_OK(buffer.Admit(TrainGroup(4, 0, /*step=*/1)));
  ASSERT_OK(buffer.Admit(TrainGroup(3, 0, /*step=*/1)));
  ASSERT_OK(buffer.Admit(TrainGroup(8, 0, /*step=*/2)));
  ASSERT_OK(buffer.Admit(EvaluationGroup(50, 1)));
  const auto groups = buffer.GroupsOfStep(1);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0]->group_id, 3);
  EXPECT_EQ(groups[1]->group_id, 4);
}

GroupRecord Arrived(GroupRecord group, int64_t segment, int64_t offset_bytes) {
  group.state = GroupState::kScored;
  group.location = {.segment = segment, .offset_bytes = offset_bytes, .length_bytes = 1};
  return group;
}

TEST(GroupBufferTest, ScoredGroupsAreInTheOrderOfTheRolloutLog) {
  GroupBuffer buffer(9);
  ASSERT_OK(buffer.Admit(Arrived(TrainGroup(1), /*segment=*/1, /*offset_bytes=*/16)));
  ASSERT_OK(buffer.Admit(Arrived(TrainGroup(2), 0, 80)));
  ASSERT_OK(buffer.Admit(Arrived(EvaluationGroup(50), 0, 16)));
  ASSERT_OK(buffer.Admit(TrainGroup(3)));
  ASSERT_OK(buffer.SetScored(Arrived(TrainGroup(3), 0, 48)));
  const auto first = buffer.FirstArrived(2);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0]->group_id, 3);
  EXPECT_EQ(first[1]->group_id, 2);
  ASSERT_OK(buffer.SetPlanned(3, /*step=*/7));
  EXPECT_EQ(buffer.Find(3)->step, 7);
  ASSERT_OK(buffer.Drop(2));
  ASSERT_EQ(buffer.FirstArrived(9).size(), 1u);
  EXPECT_EQ(buffer.FirstArrived(9)[0]->group_id, 1);
}

TEST(GroupBufferTest, UnplannedGroupsAreFoundByTheVersionThatSamplesThem) {
  GroupBuffer buffer(9);
  ASSERT_OK(buffer.Admit(TrainGroup(1, /*version=*/0)));
  ASSERT_OK(buffer.Admit(TrainGroup(2, /*version=*/2)));
  ASSERT_OK(buffer.Admit(Arrived(TrainGroup(3, /*version=*/1), 0, 16)));
  ASSERT_OK(buffer.Admit(EvaluationGroup(50, 1)));
  EXPECT_EQ(buffer.UnplannedOfVersions(0, 2).size(), 2u);
  EXPECT_EQ(buffer.UnplannedOfVersions(1, 100).size(), 2u);
  ASSERT_OK(buffer.SetPlanned(3, 4));
  ASSERT_EQ(buffer.UnplannedOfVersions(0, 2).size(), 1u);
  EXPECT_EQ(buffer.UnplannedOfVersions(0, 2)[0]->group_id, 1);
  EXPECT_EQ(buffer.NumUnplanned(), 2);
  EXPECT_EQ(buffer.num_free_slots(), 6);
}

TEST(GroupBufferTest, CountsFollowTheStates) {
  GroupBuffer buffer(3);
  ASSERT_OK(buffer.Admit(TrainGroup(0)));
  ASSERT_OK(buffer.Admit(TrainGroup(1)));
  ASSERT_OK(buffer.Claim(0));
  EXPECT_EQ(buffer.NumInState(GroupState::kWaiting), 1);
  EXPECT_EQ(buffer.NumInState(GroupState::kInFlight), 1);
  ASSERT_OK(buffer.Drop(0));
  EXPECT_EQ(buffer.NumInState(GroupState::kInFlight), 0);
}

}  // namespace
}  // namespace cohort::coordinator
