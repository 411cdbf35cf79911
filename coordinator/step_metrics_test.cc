// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_metrics.h"

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

// A negative reward stands for no verdict.
GroupRecord Group(const std::vector<double>& rewards, int32_t tokens, double begin, double end) {
  GroupRecord group;
  for (const double reward : rewards) {
    group.outcome.planned.add_completion_tokens(tokens);
    group.outcome.planned.add_rewards(reward);
    group.outcome.planned.add_outcomes(reward < 0 ? cohort::v1::SCORE_OUTCOME_NO_VERDICT
                                                  : cohort::v1::SCORE_OUTCOME_GRADED);
  }
  group.outcome.generation_begin_seconds = begin;
  group.outcome.generation_end_seconds = end;
  return group;
}

TEST(StepMetricsTest, MeansAndSharesAreOverJudgedCompletions) {
  GroupRecord all = Group({2, 2}, 10, 0, 1), none = Group({0, 1}, 20, 0, 1), mixed = Group({2, -1}, 30, 0, 1);
  all.outcome.num_truncated = 1;
  all.outcome.planned.set_prompt_tokens(7);
  mixed.outcome.planned.set_prompt_tokens(2);
  const auto metrics = RolloutMetrics({&all, &none, &mixed}, /*max_reward=*/2);
  EXPECT_DOUBLE_EQ(metrics.at("reward_mean"), 7.0 / 5);
  EXPECT_DOUBLE_EQ(metrics.at("accuracy"), 3.0 / 5);
  EXPECT_DOUBLE_EQ(metrics.at("solve_all_share"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(metrics.at("solve_none_share"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(metrics.at("no_verdict_share"), 1.0 / 6);
  EXPECT_DOUBLE_EQ(metrics.at("truncated_share"), 1.0 / 6);
  EXPECT_DOUBLE_EQ(metrics.at("completion_tokens_mean"), 20);
  EXPECT_DOUBLE_EQ(metrics.at("completion_tokens_max"), 30);
  EXPECT_DOUBLE_EQ(metrics.at("completion_tokens_min"), 10);
  EXPECT_DOUBLE_EQ(metrics.at("prompt_tokens_mean"), 3);
  EXPECT_DOUBLE_EQ(metrics.at("prompt_tokens_max"), 7);
  EXPECT_DOUBLE_EQ(metrics.at("reward_min"), 0);
  EXPECT_DOUBLE_EQ(metrics.at("reward_max"), 2);
}

TEST(StepMetricsTest, StepWithoutVerdictsHasNoExtremeRewards) {
  const GroupRecord unjudged = Group({-1, -1}, 10, 0, 1);
  const auto metrics = RolloutMetrics({&unjudged}, 1);
  EXPECT_EQ(metrics.count("reward_min"), 0u);
  EXPECT_EQ(metrics.count("reward_max"), 0u);
}

TEST(StepMetricsTest, GenerationSpeedCountsOverlappingTimeOnce) {
  const GroupRecord a = Group({1, 1}, 100, 10, 12), b = Group({1, 1}, 100, 11, 13), c = Group({1, 1}, 100, 20, 21);
  EXPECT_DOUBLE_EQ(RolloutMetrics({&c, &a, &b}, 1).at("generation_tokens_per_second"), 600.0 / 4);
}

TEST(StepMetricsTest, StepWithoutRolloutsHasNoRolloutMetrics) { EXPECT_TRUE(RolloutMetrics({}, 1).empty()); }

TEST(StepMetricsTest, MaxRewardIsTheSumOfPositiveWeights) {
  cohort::v1::RewardSpec reward;
  reward.add_verifiers()->set_weight(0.5);
  reward.add_verifiers()->set_weight(-3);
  reward.add_verifiers();
  EXPECT_DOUBLE_EQ(MaxReward(reward), 1.5);
  EXPECT_TRUE(IsFullReward(1.5 - 1e-12, 1.5));
  EXPECT_FALSE(IsFullReward(1.49, 1.5));
}

}  // namespace
}  // namespace cohort::coordinator
