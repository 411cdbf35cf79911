// SPDX-License-Identifier: Apache-2.0
#include "reward/countdown_verifier.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

using cohort::v1::Score;

std::unique_ptr<Verifier> Make(bool require_all_numbers = false) {
  cohort::v1::VerifierSpec spec;
  spec.mutable_countdown()->set_require_all_numbers(require_all_numbers);
  return CountdownVerifier::Create(spec).value();
}

cohort::v1::Problem MakeProblem(const std::string& answer = "",
                                const std::string& row = R"({"numbers": [76, 36, 1, 98], "target": 138})") {
  cohort::v1::Problem problem;
  problem.set_answer(answer);
  problem.set_row_json(row);
  return problem;
}

std::string Outcome(const Score& score) {
  if (score.outcome() == cohort::v1::SCORE_OUTCOME_GRADED) return score.value() == 1 ? "1" : "partial";
  return score.outcome() == cohort::v1::SCORE_OUTCOME_WRONG ? "wrong" : "no verdict";
}

TEST(CountdownVerifierTest, LastLineThatReachesTheTargetIsGradedOne) {
  const auto verifier = Make();
  for (const char* completion : {"76 + (98 - (36 / 1))", "let me think\n76 + 98 - 36\n", "76 + 98 - 36 = 138",
                                 "so <answer> (76+98-36)*1 </answer>", "76 \xe2\x88\x92 36 + 98"}) {
    EXPECT_EQ(Outcome(verifier->Judge(MakeProblem(), completion)), "1") << completion;
  }
}

TEST(CountdownVerifierTest, BrokenRulesAreWrongWithAReason) {
  const auto verifier = Make();
  EXPECT_EQ(verifier->Judge(MakeProblem(), "138").reason(), "\"138\" is not given, or not that often");
  EXPECT_EQ(verifier->Judge(MakeProblem(), "36 + 36 + 36 + 36").reason(), "\"36\" is not given, or not that often");
  EXPECT_EQ(verifier->Judge(MakeProblem(), "76 + 36").reason(), "the expression equals \"112\", not the target 138");
  for (const char* completion : {"", " \n", "I give up", "76 + 98 - 36 = 139", "76 + 98 - 36\nthat is it", "76 36",
                                 "76 +", "76 / (1 - 1)", "36^1 + 76", "9**9**9", "76 + 98 - 36 = "}) {
    EXPECT_EQ(Outcome(verifier->Judge(MakeProblem(), completion)), "wrong") << completion;
  }
  EXPECT_EQ(Outcome(verifier->Judge(MakeProblem(), std::string(10000, '(') + "1" + std::string(10000, ')'))), "wrong");
}

TEST(CountdownVerifierTest, EveryNumberMustBeUsedWhenAsked) {
  const auto verifier = Make(/*require_all_numbers=*/true);
  EXPECT_EQ(Outcome(verifier->Judge(MakeProblem(), "76 + 98 - 36 / 1")), "1");
  EXPECT_EQ(verifier->Judge(MakeProblem(), "76 + 98 - 36").reason(), "the given number 1 is not used");
}

TEST(CountdownVerifierTest, FieldsCanHaveOtherNames) {
  cohort::v1::VerifierSpec spec;
  spec.mutable_countdown()->set_numbers_field("nums");
  spec.mutable_countdown()->set_target_field("goal");
  const auto verifier = CountdownVerifier::Create(spec).value();
  EXPECT_EQ(Outcome(verifier->Judge(MakeProblem("", R"({"nums": [2, 2], "goal": 4})"), "2 + 2")), "1");
}

TEST(CountdownVerifierTest, UnusableRowIsNoVerdictAndRefusedByName) {
  const auto verifier = Make();
  for (const char* row : {"", "[]", "{", R"({"numbers": [1]})", R"({"target": 1})", R"({"numbers": [], "target": 1})",
                          R"({"numbers": ["1"], "target": 1})", R"({"numbers": [1.5], "target": 1})",
                          R"({"numbers": [1], "target": 18446744073709551615})",
                          R"({"numbers": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1], "target": 1})"}) {
    EXPECT_EQ(Outcome(verifier->Judge(MakeProblem("", row), "1")), "no verdict") << row;
    EXPECT_TRUE(absl::IsInvalidArgument(verifier->GoldCompletion(MakeProblem("", row)).status())) << row;
  }
  EXPECT_EQ(verifier->GoldCompletion(MakeProblem("", R"({"numbers": [1]})")).status().message(),
            "the row has no field \"target\"");
}

TEST(CountdownVerifierTest, WitnessIsTheGoldCompletionAndATargetIsNone) {
  const auto verifier = Make();
  EXPECT_EQ(verifier->GoldCompletion(MakeProblem("76 + 98 - 36")).value(), "76 + 98 - 36");
  EXPECT_EQ(verifier->GoldCompletion(MakeProblem("138")).value(), std::nullopt);
  EXPECT_EQ(verifier->GoldCompletion(MakeProblem("")).value(), std::nullopt);
}

}  // namespace
}  // namespace cohort::reward
