// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sample_completion.h"

#include <string>

#include "common/utf8.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

TEST(SampleCompletionTest, FirstCompletionIsShownWithTheFindingOfEachVerifier) {
  cohort::v1::Problem problem;
  problem.set_problem_id(3);
  problem.set_prompt("1 + 1 =");
  problem.set_answer("2");
  cohort::v1::RolloutGroup group;
  group.add_rollouts()->set_text("three");
  cohort::v1::Score& score = *group.mutable_rollouts(0)->add_scores();
  score.set_outcome(cohort::v1::SCORE_OUTCOME_WRONG);
  score.set_reason("no number");
  group.mutable_rollouts(0)->add_scores()->set_outcome(cohort::v1::SCORE_OUTCOME_GRADED);
  const auto sample = MakeSample(problem, group);
  EXPECT_EQ(sample.problem_id(), 3);
  EXPECT_EQ(sample.completion(), "three");
  EXPECT_EQ(sample.verdict(), "wrong: no number; graded 0");
}

TEST(SampleCompletionTest, TextsOfMegabytesAreCutAtACharacterSoThatWatchersGetTheEvent) {
  cohort::v1::Problem problem;
  for (int i = 0; i < (1 << 20); ++i) problem.mutable_prompt()->append("\xE2\x82\xAC");
  problem.set_answer("x" + problem.prompt());
  cohort::v1::RolloutGroup group;
  group.add_rollouts()->set_text("xx" + problem.prompt());
  group.mutable_rollouts(0)->add_scores()->set_reason(problem.prompt());
  const auto sample = MakeSample(problem, group);
  EXPECT_LT(sample.ByteSizeLong(), size_t{100} << 10);
  EXPECT_TRUE(common::IsValidUtf8(sample.prompt()));
  EXPECT_TRUE(common::IsValidUtf8(sample.answer()));
  EXPECT_TRUE(common::IsValidUtf8(sample.completion()));
  EXPECT_TRUE(common::IsValidUtf8(sample.verdict()));
}

}  // namespace
}  // namespace cohort::coordinator
