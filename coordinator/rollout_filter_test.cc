// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rollout_filter.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <string>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::StartsWith;

using Change = std::function<void(cohort::v1::RolloutFilter*)>;

cohort::v1::RolloutFilter Filter(const Change& change) {
  cohort::v1::RolloutFilter filter;
  change(&filter);
  return filter;
}

bool Selects(const cohort::v1::RolloutFilter& filter, cohort::v1::ScoreOutcome outcome, double reward) {
  cohort::v1::Rollout rollout;
  rollout.set_outcome(outcome);
  rollout.set_reward(reward);
  GroupOutcome group;
  group.planned.add_outcomes(outcome);
  group.planned.add_rewards(reward);
  EXPECT_EQ(HasSelected(group, filter), IsSelected(rollout, filter));
  return IsSelected(rollout, filter);
}

constexpr auto kGraded = cohort::v1::SCORE_OUTCOME_GRADED;
constexpr auto kNoVerdict = cohort::v1::SCORE_OUTCOME_NO_VERDICT;

TEST(RolloutFilterTest, EmptyFilterSelectsEverything) {
  EXPECT_TRUE(Selects({}, kGraded, -1));
  EXPECT_TRUE(Selects({}, kNoVerdict, 0));
}

TEST(RolloutFilterTest, BoundsOfTheRewardAreInclusive) {
  const auto filter = Filter([](auto* f) { f->set_min_reward(0.25), f->set_max_reward(0.5); });
  EXPECT_TRUE(Selects(filter, kGraded, 0.25));
  EXPECT_TRUE(Selects(filter, kGraded, 0.5));
  EXPECT_FALSE(Selects(filter, kGraded, 0.2));
  EXPECT_FALSE(Selects(filter, kGraded, 0.6));
}

TEST(RolloutFilterTest, CompletionWithoutAVerdictHasNoReward) {
  EXPECT_FALSE(Selects(Filter([](auto* f) { f->set_max_reward(0); }), kNoVerdict, 0));
  EXPECT_FALSE(Selects(Filter([](auto* f) { f->set_min_reward(0); }), kNoVerdict, 0));
}

TEST(RolloutFilterTest, OutcomeIsCompared) {
  const auto filter = Filter([](auto* f) { f->set_outcome(kNoVerdict); });
  EXPECT_TRUE(Selects(filter, kNoVerdict, 0));
  EXPECT_FALSE(Selects(filter, kGraded, 1));
}

TEST(RolloutFilterTest, GroupIsReadWhenAnyOfItsCompletionsIsSelected) {
  GroupOutcome group;
  for (const double reward : {0.0, 1.0}) {
    group.planned.add_outcomes(kGraded);
    group.planned.add_rewards(reward);
  }
  EXPECT_TRUE(HasSelected(group, Filter([](auto* f) { f->set_min_reward(1); })));
  EXPECT_FALSE(HasSelected(group, Filter([](auto* f) { f->set_min_reward(2); })));
  EXPECT_FALSE(HasSelected({}, {})) << "a group without completions";
}

TEST(RolloutFilterTest, WrongFieldsAreNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::pair<std::string, Change> wrong[] = {
      {"first_step", [](auto* f) { f->set_first_step(-1); }},
      {"last_step", [](auto* f) { f->set_last_step(-1); }},
      {"last_step", [](auto* f) { f->set_first_step(3), f->set_last_step(2); }},
      {"problem_id", [](auto* f) { f->set_problem_id(-1); }},
      {"min_reward", [nan](auto* f) { f->set_min_reward(nan); }},
      {"max_reward", [nan](auto* f) { f->set_max_reward(nan); }},
      {"max_reward", [](auto* f) { f->set_min_reward(1), f->set_max_reward(0); }},
      {"purpose", [](auto* f) { f->set_purpose(static_cast<cohort::v1::GroupPurpose>(9)); }},
      {"outcome", [](auto* f) { f->set_outcome(static_cast<cohort::v1::ScoreOutcome>(9)); }},
  };
  for (const auto& [field, change] : wrong) {
    EXPECT_THAT(CheckRolloutFilter(Filter(change)),
                StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(field + ": ")));
  }
  EXPECT_OK(CheckRolloutFilter({}));
}

}  // namespace
}  // namespace cohort::coordinator
