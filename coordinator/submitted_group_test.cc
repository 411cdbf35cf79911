// SPDX-License-Identifier: Apache-2.0
#include "coordinator/submitted_group.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <string>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::StartsWith;

class SubmittedGroupTest : public ::testing::Test {
 protected:
  SubmittedGroupTest() {
    record_.policy_version = 3;
    record_.problem_id = 9;
    sampling_.set_max_completion_tokens(4);
    reward_.add_verifiers()->set_weight(1);
    group_.set_policy_version(3);
    group_.set_problem_id(9);
    group_.add_prompt_token_ids(1);
    for (int sibling = 0; sibling < 2; ++sibling) {
      cohort::v1::Rollout& rollout = *group_.add_rollouts();
      rollout.set_sibling(sibling);
      rollout.add_token_ids(5);
      rollout.add_behavior_logprobs(-1);
      rollout.set_outcome(cohort::v1::SCORE_OUTCOME_GRADED);
      rollout.set_reward(sibling);
    }
  }
  absl::Status Check() { return CheckSubmittedGroup(group_, record_, demand_); }

  GroupRecord record_;
  cohort::v1::SamplingSpec sampling_;
  cohort::v1::RewardSpec reward_;
  GroupDemand demand_{
      .group_size = 2, .sampling = &sampling_, .reward = &reward_, .vocab_size = 100, .max_sequence_tokens = 10};
  cohort::v1::RolloutGroup group_;
};

TEST_F(SubmittedGroupTest, WholeGroupPasses) { EXPECT_OK(Check()); }

TEST_F(SubmittedGroupTest, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::string, std::function<void(cohort::v1::RolloutGroup*)>>> cases = {
      {"policy_version", [](auto* g) { g->set_policy_version(2); }},
      {"problem_id", [](auto* g) { g->set_problem_id(1); }},
      {"prompt_token_ids", [](auto* g) { g->clear_prompt_token_ids(); }},
      {"rollouts", [](auto* g) { g->mutable_rollouts()->RemoveLast(); }},
      {"rollouts[1].reward", [](auto* g) { g->mutable_rollouts(1)->set_reward(1e300); }},
      {"rollouts[1].scores",
       [](auto* g) {
         for (int i = 0; i < 2; ++i) g->mutable_rollouts(1)->add_scores()->set_outcome(cohort::v1::SCORE_OUTCOME_WRONG);
       }},
      {"rollouts[1].sibling", [](auto* g) { g->mutable_rollouts(1)->set_sibling(0); }},
      {"rollouts[0].token_ids", [](auto* g) { g->mutable_rollouts(0)->clear_token_ids(); }},
      {"rollouts[0].token_ids",
       [](auto* g) {
         for (int i = 0; i < 4; ++i) g->mutable_rollouts(0)->add_token_ids(1);
       }},
      {"rollouts[0].behavior_logprobs", [](auto* g) { g->mutable_rollouts(0)->add_behavior_logprobs(-1); }},
      {"rollouts[0].behavior_logprobs",
       [](auto* g) { g->mutable_rollouts(0)->set_behavior_logprobs(0, std::numeric_limits<float>::infinity()); }},
      {"rollouts[0].sampling_logprobs",
       [](auto* g) {
         g->mutable_rollouts(0)->add_sampling_logprobs(-1);
         g->mutable_rollouts(0)->add_sampling_logprobs(-1);
       }},
      {"rollouts[0].sampling_logprobs",
       [](auto* g) { g->mutable_rollouts(0)->add_sampling_logprobs(std::numeric_limits<float>::quiet_NaN()); }},
      {"rollouts[1].behavior_logprobs", [](auto* g) { g->mutable_rollouts(1)->set_behavior_logprobs(0, 0.5F); }},
      {"rollouts[0].sampling_logprobs", [](auto* g) { g->mutable_rollouts(0)->add_sampling_logprobs(0.5F); }},
      {"rollouts[1].token_ids", [](auto* g) { g->mutable_rollouts(1)->set_token_ids(0, -1); }},
      {"prompt_token_ids", [](auto* g) { g->set_prompt_token_ids(0, -7); }},
      {"rollouts[1].token_ids", [](auto* g) { g->mutable_rollouts(1)->set_token_ids(0, 100); }},
      {"prompt_token_ids", [](auto* g) { g->set_prompt_token_ids(0, 100); }},
      {"rollouts[0].outcome", [](auto* g) { g->mutable_rollouts(0)->clear_outcome(); }},
      {"rollouts[1].reward",
       [](auto* g) { g->mutable_rollouts(1)->set_reward(std::numeric_limits<double>::quiet_NaN()); }},
      {"rollouts[1].scores[0].value",
       [](auto* g) { g->mutable_rollouts(1)->add_scores()->set_value(std::numeric_limits<double>::quiet_NaN()); }},
      {"rollouts[1].scores[0].value", [](auto* g) { g->mutable_rollouts(1)->add_scores()->set_value(50); }},
      {"rollouts[1].scores[0].value", [](auto* g) { g->mutable_rollouts(1)->add_scores()->set_value(-0.1); }},
      {"prompt_token_ids",
       [](auto* g) {
         for (int i = 0; i < 9; ++i) g->add_prompt_token_ids(1);
       }},
      {"rollouts[0].scores[0].item_values", [](auto* g) { g->mutable_rollouts(0)->add_scores()->add_item_values(2); }},
      {"rollouts[0].scores[0].item_values",
       [](auto* g) {
         g->mutable_rollouts(0)->add_scores()->add_item_values(std::numeric_limits<double>::quiet_NaN());
       }},
      {"rollouts[0].scores[0].item_values",
       [](auto* g) { g->mutable_rollouts(0)->add_scores()->mutable_item_values()->Resize(1001, 0); }},
  };
  const cohort::v1::RolloutGroup whole = group_;
  for (const auto& [field, edit] : cases) {
    group_ = whole;
    edit(&group_);
    EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(field + ": ")));
  }
}

TEST_F(SubmittedGroupTest, LastIdOfTheVocabularyPassesAndAnUnknownVocabularyBoundsNothing) {
  group_.mutable_rollouts(0)->set_token_ids(0, 99);
  EXPECT_OK(Check());
  group_.mutable_rollouts(0)->set_token_ids(0, 100);
  demand_.vocab_size = 0;
  EXPECT_OK(Check());
}

TEST_F(SubmittedGroupTest, CreditPerVerifierNeedsEveryScoreOfWhatWasJudged) {
  demand_.needs_verifier_scores = true;
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rollouts[0].scores: ")));
  group_.mutable_rollouts(0)->add_scores();
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rollouts[1].scores: ")));
  group_.mutable_rollouts(1)->set_outcome(cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_OK(Check());
}

TEST_F(SubmittedGroupTest, ItemCreditNeedsTheWholeListOfTheFirstRankingVerifier) {
  reward_.mutable_verifiers(0)->mutable_math_answer();
  reward_.add_verifiers()->mutable_ranking()->set_num_items(3);
  reward_.add_verifiers()->mutable_ranking()->set_num_items(2);
  demand_.needs_item_values = true;
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rollouts[0].scores[1].item_values: ")));
  for (cohort::v1::Rollout& rollout : *group_.mutable_rollouts()) {
    for (int i = 0; i < 3; ++i) rollout.add_scores();
    rollout.mutable_scores(2)->mutable_item_values()->Resize(2, 0);
  }
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rollouts[0].scores[1].item_values: ")));
  group_.mutable_rollouts(0)->mutable_scores(1)->mutable_item_values()->Resize(3, 0);
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rollouts[1].scores[1].item_values: ")));
  group_.mutable_rollouts(1)->set_outcome(cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_OK(Check());
}

TEST_F(SubmittedGroupTest, SummaryKeepsWhatCreditNeedsOfEachSequence) {
  cohort::v1::Rollout& first = *group_.mutable_rollouts(0);
  first.add_token_ids(6);
  first.add_behavior_logprobs(-2);
  first.add_scores()->set_value(0.25);
  cohort::v1::Score& ranking = *first.add_scores();
  ranking.set_value(0.5);
  ranking.add_item_values(0);
  ranking.add_item_values(1);
  first.add_scores()->add_item_values(1);  // a second ranking verifier
  *group_.mutable_rollouts(1)->add_scores() = ranking;
  group_.mutable_rollouts(1)->set_outcome(cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  const auto outcome = SummarizeGroup(group_, absl::UnixEpoch());
  ASSERT_EQ(outcome.planned.facts_size(), 2);
  const cohort::v1::SequenceFacts& facts = outcome.planned.facts(0);
  EXPECT_THAT(facts.verifier_scores(), ElementsAre(0.25, 0.5, 0));
  EXPECT_THAT(facts.item_values(), ElementsAre(0, 1));
  EXPECT_DOUBLE_EQ(facts.mean_behavior_logprob(), -1.5);
  EXPECT_THAT(outcome.planned.facts(1).item_values(), ElementsAre()) << "no verdict, no credit";
}

TEST_F(SubmittedGroupTest, SummaryKeepsCountsRewardsAndTimes) {
  group_.set_group_id(12);
  group_.mutable_rollouts(1)->set_finish_reason(cohort::v1::FINISH_REASON_LENGTH);
  group_.mutable_generation_time()->set_seconds(3);
  group_.mutable_scoring_time()->set_seconds(1);
  const GroupOutcome outcome = SummarizeGroup(group_, absl::FromUnixSeconds(100));
  EXPECT_EQ(outcome.planned.group_id(), 12);
  EXPECT_EQ(outcome.planned.prompt_tokens(), 1);
  EXPECT_THAT(outcome.planned.completion_tokens(), ElementsAre(1, 1));
  EXPECT_THAT(outcome.planned.rewards(), ElementsAre(0, 1));
  EXPECT_EQ(outcome.num_truncated, 1);
  EXPECT_DOUBLE_EQ(outcome.generation_end_seconds, 99);
  EXPECT_DOUBLE_EQ(outcome.generation_begin_seconds, 96);
}

TEST_F(SubmittedGroupTest, TimesThatCannotBeAreBounded) {
  group_.mutable_generation_time()->set_seconds(std::numeric_limits<int64_t>::max());
  group_.mutable_scoring_time()->set_seconds(-5);
  const GroupOutcome outcome = SummarizeGroup(group_, absl::FromUnixSeconds(100));
  EXPECT_DOUBLE_EQ(outcome.generation_end_seconds, 100);
  EXPECT_DOUBLE_EQ(outcome.generation_begin_seconds, 100 - 30.0 * 86400);
}

}  // namespace
}  // namespace cohort::coordinator
