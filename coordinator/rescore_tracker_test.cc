// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rescore_tracker.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

cohort::v1::RewardSpec TwoVerifiers() {
  cohort::v1::RewardSpec reward;
  reward.add_verifiers()->set_name("sum");
  reward.add_verifiers()->set_name("format");
  reward.set_max_no_verdict_share(0.25);
  return reward;
}

// One completion per reward; a negative reward stands for no verdict. "sum" gives the reward, "format" half of it.
cohort::v1::PlannedGroup Group(const std::vector<double>& rewards) {
  cohort::v1::PlannedGroup group;
  for (const double reward : rewards) {
    group.add_rewards(reward);
    group.add_outcomes(reward < 0 ? cohort::v1::SCORE_OUTCOME_NO_VERDICT : cohort::v1::SCORE_OUTCOME_GRADED);
    group.add_facts()->add_verifier_scores(reward);
    group.mutable_facts(group.facts_size() - 1)->add_verifier_scores(reward / 2);
  }
  return group;
}

TEST(RescoreTrackerTest, MeansAreOverCompletionsWithBothVerdicts) {
  RescoreTracker tracker(TwoVerifiers());
  tracker.AddJudged(Group({1, 0, -1, 0.5}), Group({1, 1, 0.25, -1}));
  tracker.AddJudged(Group({0, 0}), Group({0.5, 1e-10}));
  const cohort::v1::RescoreResult result = tracker.Result();
  EXPECT_EQ(result.num_groups(), 2);
  EXPECT_EQ(result.num_completions(), 4);
  EXPECT_EQ(result.num_no_verdict(), 1);
  EXPECT_DOUBLE_EQ(result.mean_old_reward(), 1.0 / 4);
  EXPECT_DOUBLE_EQ(result.mean_new_reward(), (1 + 1 + 0.5 + 1e-10) / 4);
  EXPECT_DOUBLE_EQ(result.unchanged_share(), 0.5);
  EXPECT_DOUBLE_EQ(result.mean_values().at("sum"), (1 + 1 + 0.5 + 1e-10) / 4);
  EXPECT_DOUBLE_EQ(result.mean_values().at("format"), (1 + 1 + 0.5 + 1e-10) / 8);
  EXPECT_OK(tracker.CheckVerdicts());
}

TEST(RescoreTrackerTest, DroppedGroupHasNoVerdictAndTooManyAreAnError) {
  RescoreTracker tracker(TwoVerifiers());
  tracker.AddJudged(Group({1, 1, 1}), Group({1, 1, 1}));
  tracker.AddDropped(Group({0}));
  EXPECT_EQ(tracker.Result().num_groups(), 1);
  EXPECT_EQ(tracker.Result().num_no_verdict(), 1);
  EXPECT_OK(tracker.CheckVerdicts());
  tracker.AddDropped(Group({0}));
  EXPECT_THAT(tracker.CheckVerdicts(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("2 of 5 completions had no verdict, more than "
                                                                        "rescore.reward.max_no_verdict_share (0.25)")));
}

TEST(RescoreTrackerTest, NothingToCompareHasNoMeans) {
  RescoreTracker tracker(TwoVerifiers());
  tracker.AddJudged(Group({-1}), Group({1}));
  EXPECT_EQ(tracker.Result().num_completions(), 0);
  EXPECT_EQ(tracker.Result().mean_new_reward(), 0);
  EXPECT_TRUE(tracker.Result().mean_values().empty());
}

}  // namespace
}  // namespace cohort::coordinator
