// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_planner.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// `verdicts` of four completions are GRADED with the given reward, the rest have no verdict.
GroupRecord ScoredGroup(int64_t id, int verdicts, double reward = 1) {
  GroupRecord group;
  group.group_id = id;
  group.outcome.planned.set_group_id(id);
  for (int i = 0; i < 4; ++i) {
    group.outcome.planned.add_completion_tokens(3);
    group.outcome.planned.add_rewards(reward);
    group.outcome.planned.add_outcomes(i < verdicts ? cohort::v1::SCORE_OUTCOME_GRADED
                                                    : cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  }
  return group;
}

TEST(StepPlannerTest, GroupsKeepTheirOrderAndMetadata) {
  const GroupRecord first = ScoredGroup(8, 4), second = ScoredGroup(9, 4);
  ASSERT_OK_AND_ASSIGN(const PlannedStep step,
                       PlanRolloutStep({.version = 4, .groups = {&first, &second}, .seal_checkpoint = true}));
  EXPECT_EQ(step.plan.version(), 4);
  EXPECT_EQ(step.plan.action(), cohort::v1::STEP_ACTION_TRAIN);
  EXPECT_TRUE(step.plan.seal_checkpoint());
  ASSERT_EQ(step.plan.groups_size(), 2);
  EXPECT_EQ(step.plan.groups(0).group_id(), 8);
  EXPECT_EQ(step.plan.groups(1).group_id(), 9);
  EXPECT_THAT(step.plan.groups(1).completion_tokens(), ElementsAre(3, 3, 3, 3));
  EXPECT_THAT(step.dropped, IsEmpty());
}

TEST(StepPlannerTest, GroupWithFewerThanTwoVerdictsIsDropped) {
  const GroupRecord one = ScoredGroup(0, 1), two = ScoredGroup(1, 2);
  ASSERT_OK_AND_ASSIGN(const PlannedStep step, PlanRolloutStep({.groups = {&one, &two}, .max_no_verdict_share = 0.9}));
  ASSERT_EQ(step.plan.groups_size(), 1);
  EXPECT_EQ(step.plan.groups(0).group_id(), 1);
  ASSERT_EQ(step.dropped.size(), 1u);
  EXPECT_EQ(step.dropped[0].group_id, 0);
  EXPECT_EQ(step.dropped[0].reason, "fewer than two verdicts");
}

TEST(StepPlannerTest, GroupWithEqualRewardsStays) {
  const GroupRecord zero_signal = ScoredGroup(0, 4, 0), other = ScoredGroup(1, 4, 1);
  ASSERT_OK_AND_ASSIGN(const PlannedStep step, PlanRolloutStep({.groups = {&zero_signal, &other}}));
  EXPECT_EQ(step.plan.groups_size(), 2);
}

cohort::v1::AdvantageSpec GroupMean() {
  cohort::v1::AdvantageSpec credit;
  credit.set_estimator(cohort::v1::AdvantageSpec::ESTIMATOR_GROUP_MEAN);
  credit.set_scale(cohort::v1::AdvantageSpec::SCALE_GROUP_STD);
  credit.set_epsilon(1e-6);
  return credit;
}

// Half of the rewards are 1.
GroupRecord MixedGroup(int64_t id) {
  GroupRecord group = ScoredGroup(id, 4, 0);
  group.outcome.planned.set_rewards(0, 1);
  group.outcome.planned.set_rewards(1, 1);
  return group;
}

TEST(StepPlannerTest, DynamicSamplingAsksForAsManyGroupsAsHaveNoSignal) {
  const cohort::v1::AdvantageSpec credit = GroupMean();
  const GroupRecord none = ScoredGroup(0, 4, 0), mixed = MixedGroup(1), all = ScoredGroup(2, 4, 1);
  ASSERT_OK_AND_ASSIGN(const PlannedStep step, PlanRolloutStep({.groups = {&none, &mixed, &all},
                                                                .credit = &credit,
                                                                .verifier_weights = {1},
                                                                .groups_per_step = 3,
                                                                .num_sampled_groups = 3,
                                                                .max_sampled_groups = 30}));
  EXPECT_EQ(step.num_missing_groups, 2);
  ASSERT_EQ(step.dropped.size(), 2u);
  EXPECT_EQ(step.dropped[1].group_id, 2);
  EXPECT_EQ(step.dropped[1].cause, DropCause::kZeroSignal);
}

TEST(StepPlannerTest, DynamicSamplingPlansWhatThereIsAtItsBound) {
  const cohort::v1::AdvantageSpec credit = GroupMean();
  const GroupRecord none = ScoredGroup(8, 4, 0), mixed = MixedGroup(9);
  StepSnapshot snapshot = {.version = 4,
                           .groups = {&none, &mixed},
                           .credit = &credit,
                           .verifier_weights = {1},
                           .groups_per_step = 2,
                           .num_sampled_groups = 5,
                           .max_sampled_groups = 6};
  ASSERT_OK_AND_ASSIGN(const PlannedStep one_more, PlanRolloutStep(snapshot));
  EXPECT_EQ(one_more.num_missing_groups, 1);
  snapshot.num_sampled_groups = 6;
  ASSERT_OK_AND_ASSIGN(const PlannedStep planned, PlanRolloutStep(snapshot));
  EXPECT_EQ(planned.num_missing_groups, 0);
  ASSERT_EQ(planned.plan.groups_size(), 1);
  EXPECT_EQ(planned.plan.groups(0).group_id(), 9);
  snapshot.groups = {&none};
  EXPECT_THAT(PlanRolloutStep(snapshot), common::StatusIs(absl::StatusCode::kFailedPrecondition,
                                                          HasSubstr("of 6 sampled groups none had a learning signal")));
}

TEST(StepPlannerTest, PlanIsBalancedOverRanks) {
  GroupRecord long_one = ScoredGroup(1, 4), short_one = ScoredGroup(2, 4), other_long = ScoredGroup(3, 4);
  for (GroupRecord* group : {&long_one, &other_long}) group->outcome.planned.set_prompt_tokens(5000);
  const std::vector<const GroupRecord*> groups = {&long_one, &short_one, &other_long};
  ASSERT_OK_AND_ASSIGN(const PlannedStep step, PlanRolloutStep({.groups = groups, .shape = {.world_size = 2}}));
  ASSERT_EQ(step.plan.groups_size(), 3);
  EXPECT_EQ(step.plan.groups(1).group_id(), 3);  // the other long one is alone on rank 1
}

TEST(StepPlannerTest, NoVerdictShareAtTheBoundPassesAndAboveItFails) {
  const GroupRecord group = ScoredGroup(0, 3);
  EXPECT_OK(PlanRolloutStep({.version = 2, .groups = {&group}, .max_no_verdict_share = 0.25}));
  EXPECT_THAT(
      PlanRolloutStep({.version = 2, .groups = {&group}, .max_no_verdict_share = 0.2}),
      common::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("step 2: 1 of 4 completions had no verdict")));
}

TEST(StepPlannerTest, ErroredShareAtTheBoundPassesAndAboveItFails) {
  EXPECT_OK(CheckErroredShare(/*version=*/3, /*num_errored=*/2, /*num_sampled=*/4, /*max_errored_share=*/0.5));
  EXPECT_THAT(CheckErroredShare(3, 3, 4, 0.5),
              common::StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("step 3: 3 of 4 sampled groups were given up")));
}

TEST(StepPlannerTest, StepWithoutAnyGroupFails) {
  EXPECT_THAT(PlanRolloutStep({.version = 7}),
              common::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("step 7: every group was dropped")));
}

TEST(StepPlannerTest, DemonstrationsKeepTheirOrder) {
  const auto plan = PlanDemonstrationStep(5, {9, 2, 2}, /*seal_checkpoint=*/false);
  ASSERT_EQ(plan.groups_size(), 3);
  EXPECT_EQ(plan.groups(0).group_id(), 9);
  EXPECT_EQ(plan.groups(2).group_id(), 2);
  EXPECT_EQ(plan.version(), 5);
}

TEST(StepPlannerTest, EveryGroupBelongsToExactlyOneRank) {
  cohort::v1::StepPlan plan;
  for (int i = 0; i < 7; ++i) plan.add_groups();
  EXPECT_THAT(GroupsOfRank(plan, 0, 3), ElementsAre(0, 3, 6));
  EXPECT_THAT(GroupsOfRank(plan, 1, 3), ElementsAre(1, 4));
  EXPECT_THAT(GroupsOfRank(plan, 2, 3), ElementsAre(2, 5));
}

}  // namespace
}  // namespace cohort::coordinator
