// SPDX-License-Identifier: Apache-2.0
// What a worker may say about completions that were stored before.
#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/status_matchers.h"
#include "coordinator/submitted_group.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::StartsWith;

class RescoredGroupTest : public ::testing::Test {
 protected:
  RescoredGroupTest() {
    record_.policy_version = 3;
    record_.problem_id = 9;
    cohort::v1::VerifierSpec& verifier = *reward_.add_verifiers();
    verifier.set_name("again");
    verifier.set_weight(1);
    for (int sibling = 0; sibling < 2; ++sibling) {
      cohort::v1::Rollout& rollout = *stored_.add_rollouts();
      rollout.set_sibling(sibling);
      rollout.set_text("12");
      rollout.set_finish_reason(cohort::v1::FINISH_REASON_EOS);
    }
    group_ = stored_;
    group_.set_policy_version(3);
    group_.set_problem_id(9);
    for (cohort::v1::Rollout& rollout : *group_.mutable_rollouts()) {
      rollout.set_outcome(cohort::v1::SCORE_OUTCOME_GRADED);
      rollout.set_reward(1);
      rollout.add_scores()->set_verifier("again");
      rollout.mutable_scores(0)->set_value(1);
    }
  }
  absl::Status Check() { return CheckRescoredGroup(group_, record_, stored_, reward_); }

  GroupRecord record_;
  cohort::v1::RewardSpec reward_;
  cohort::v1::RolloutGroup stored_, group_;
};

TEST_F(RescoredGroupTest, StoredCompletionsWithVerdictsPass) {
  EXPECT_OK(Check());
  group_.mutable_rollouts(1)->set_outcome(cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_OK(Check());
}

TEST_F(RescoredGroupTest, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::string, std::function<void(cohort::v1::RolloutGroup*)>>> cases = {
      {"policy_version", [](auto* g) { g->set_policy_version(2); }},
      {"problem_id", [](auto* g) { g->set_problem_id(1); }},
      {"prompt_token_ids", [](auto* g) { g->add_prompt_token_ids(1); }},
      {"rollouts", [](auto* g) { g->mutable_rollouts()->RemoveLast(); }},
      {"rollouts[1].sibling", [](auto* g) { g->mutable_rollouts(1)->set_sibling(0); }},
      {"rollouts[0].text", [](auto* g) { g->mutable_rollouts(0)->set_text("13"); }},
      {"rollouts[0].text",
       [](auto* g) { g->mutable_rollouts(0)->set_finish_reason(cohort::v1::FINISH_REASON_LENGTH); }},
      {"rollouts[0].token_ids", [](auto* g) { g->mutable_rollouts(0)->add_token_ids(5); }},
      {"rollouts[0].outcome", [](auto* g) { g->mutable_rollouts(0)->clear_outcome(); }},
      {"rollouts[1].reward", [](auto* g) { g->mutable_rollouts(1)->set_reward(1.5); }},
      {"rollouts[1].reward",
       [](auto* g) { g->mutable_rollouts(1)->set_reward(std::numeric_limits<double>::quiet_NaN()); }},
      {"rollouts[1].scores", [](auto* g) { g->mutable_rollouts(1)->clear_scores(); }},
      {"rollouts[1].scores[0].verifier",
       [](auto* g) { g->mutable_rollouts(1)->mutable_scores(0)->set_verifier("sum"); }},
      {"rollouts[1].scores[0].value", [](auto* g) { g->mutable_rollouts(1)->mutable_scores(0)->set_value(2); }},
  };
  const cohort::v1::RolloutGroup good = group_;
  for (const auto& [field, edit] : cases) {
    group_ = good;
    edit(&group_);
    EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(field + ": "))) << field;
  }
}

}  // namespace
}  // namespace cohort::coordinator
