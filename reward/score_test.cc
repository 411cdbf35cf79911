// SPDX-License-Identifier: Apache-2.0
#include "reward/score.h"

#include <string>

#include "common/utf8.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

TEST(ScoreTest, OnlyGradedCarriesAValue) {
  EXPECT_EQ(GradedScore(0.5).value(), 0.5);
  EXPECT_EQ(GradedScore(0.5).outcome(), cohort::v1::SCORE_OUTCOME_GRADED);
  EXPECT_EQ(WrongScore("no answer").value(), 0);
  EXPECT_EQ(WrongScore("no answer").outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
  EXPECT_EQ(NoVerdictScore("deadline").outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_EQ(NoVerdictScore("deadline").reason(), "deadline");
}

TEST(ScoreTest, QuotedTextIsShortValidUtf8) {
  EXPECT_EQ(Quoted("7\n"), "\"7\\x0a\"");
  const std::string hostile = Quoted(std::string(1, '\0') + "\xff\xfe" + std::string(100000, 'x'));
  EXPECT_LT(hostile.size(), 120u);
  EXPECT_TRUE(common::IsValidUtf8(hostile));
  EXPECT_EQ(hostile.find('\0'), std::string::npos);
}

}  // namespace
}  // namespace cohort::reward
