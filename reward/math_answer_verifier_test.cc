// SPDX-License-Identifier: Apache-2.0
#include "reward/math_answer_verifier.h"

#include <random>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

using cohort::v1::Score;

std::unique_ptr<Verifier> Make(const std::string& marker = "", bool allow_expressions = false) {
  cohort::v1::VerifierSpec spec;
  spec.mutable_math_answer()->set_answer_marker(marker);
  spec.mutable_math_answer()->set_allow_expressions(allow_expressions);
  return MathAnswerVerifier::Create(spec).value();
}

cohort::v1::Problem MakeProblem(const std::string& answer) {
  cohort::v1::Problem problem;
  problem.set_answer(answer);
  return problem;
}

// "1", "wrong" or "no verdict".
std::string Outcome(const Score& score) {
  if (score.outcome() == cohort::v1::SCORE_OUTCOME_GRADED) return score.value() == 1 ? "1" : "partial";
  return score.outcome() == cohort::v1::SCORE_OUTCOME_WRONG ? "wrong" : "no verdict";
}

TEST(MathAnswerVerifierTest, EqualNumbersAreGradedOneHoweverWritten) {
  const auto verifier = Make();
  const auto problem = MakeProblem("1,080");
  for (const char* completion : {"#### 1080", "so it is 1,080.", "\\boxed{1080}", "\\boxed{1{,}080.00\\text{ km}}",
                                 "#### $1080", "The answer is 2160/2", "#### 1.08e3"}) {
    EXPECT_EQ(Outcome(verifier->Judge(problem, completion)), "1") << completion;
  }
}

TEST(MathAnswerVerifierTest, OtherNumbersAndNoNumbersAreWrongWithAReason) {
  const auto verifier = Make();
  const Score other = verifier->Judge(MakeProblem("72"), "#### 73");
  EXPECT_EQ(Outcome(other), "wrong");
  EXPECT_EQ(other.reason(), "answer \" 73\" is not \"72\"");
  EXPECT_EQ(verifier->Judge(MakeProblem("72"), "I do not know").reason(), "no number in the completion");
  EXPECT_EQ(Outcome(verifier->Judge(MakeProblem("72"), "#### 72 or 73")), "wrong");
  EXPECT_EQ(Outcome(verifier->Judge(MakeProblem("72"), "")), "wrong");
}

TEST(MathAnswerVerifierTest, MarkerDecidesWhereTheAnswerIs) {
  const auto verifier = Make("Answer:");
  EXPECT_EQ(Outcome(verifier->Judge(MakeProblem("5"), "Answer: 5\n6")), "1");
  EXPECT_EQ(Outcome(verifier->Judge(MakeProblem("5"), "#### 5")), "wrong");
}

TEST(MathAnswerVerifierTest, ExpressionsCountOnlyWhereAllowed) {
  EXPECT_EQ(Outcome(Make("", /*allow_expressions=*/true)->Judge(MakeProblem("2^10"), "\\boxed{(1000 + 24) \\times 1}")),
            "1");
  EXPECT_EQ(Outcome(Make()->Judge(MakeProblem("1024"), "\\boxed{1000 + 24}")), "wrong");
}

TEST(MathAnswerVerifierTest, CostlyExpressionsAreWrong) {
  const auto verifier = Make("", /*allow_expressions=*/true);
  for (const std::string& answer : {std::string("9**9**9"), std::string("9^9^9"), std::string(10000, '(') + "1",
                                    std::string(2000, '(') + "1" + std::string(2000, ')'), std::string(5000, '9')}) {
    const Score score = verifier->Judge(MakeProblem("1"), "#### " + answer);
    EXPECT_EQ(Outcome(score), "wrong") << answer.substr(0, 20);
    EXPECT_LT(score.reason().size(), 200u);
  }
}

TEST(MathAnswerVerifierTest, HugeAndHostileCompletionsAreWrong) {
  const auto verifier = Make("", /*allow_expressions=*/true);
  const auto problem = MakeProblem("1");
  EXPECT_EQ(Outcome(verifier->Judge(problem, std::string((1 << 20) + 1, '1'))), "wrong");
  EXPECT_EQ(Outcome(verifier->Judge(problem, std::string(1 << 20, '1'))), "wrong");
  EXPECT_EQ(Outcome(verifier->Judge(problem, std::string(1 << 19, ' ') + "#### 1")), "1");
  EXPECT_EQ(Outcome(verifier->Judge(problem, std::string("\0#### 1\0", 8))), "wrong");
  EXPECT_EQ(Outcome(verifier->Judge(problem, "\xff\xfe#### 1")), "1");
}

TEST(MathAnswerVerifierTest, UnusableGroundTruthIsNoVerdictAndRefusedByName) {
  const auto verifier = Make();
  for (const char* answer : {"", "about 12 or 13", "twelve", "Answer: 12", "#### ", "1,23"}) {
    EXPECT_EQ(Outcome(verifier->Judge(MakeProblem(answer), "#### 12")), "no verdict") << answer;
    EXPECT_TRUE(absl::IsInvalidArgument(verifier->GoldCompletion(MakeProblem(answer)).status())) << answer;
  }
  EXPECT_EQ(verifier->GoldCompletion(MakeProblem("twelve")).status().message(),
            "the ground truth is not one number: answer \"twelve\": is not a number");
}

TEST(MathAnswerVerifierTest, GoldCompletionIsGradedOne) {
  for (const std::string marker : {"", "Answer:", "####"}) {
    const auto verifier = Make(marker);
    for (const char* answer : {"72", " 1,080\n", "-$5.50", "worked out\n#### 10", "so \\boxed{\\frac{1}{2}} it is"}) {
      const auto completion = verifier->GoldCompletion(MakeProblem(answer));
      ASSERT_TRUE(completion.ok()) << completion.status();
      EXPECT_EQ(Outcome(verifier->Judge(MakeProblem(answer), **completion)), "1") << **completion;
    }
  }
}

TEST(MathAnswerVerifierTest, MarkerWithALineFeedIsRefused) {
  cohort::v1::VerifierSpec spec;
  spec.mutable_math_answer()->set_answer_marker("a\nb");
  EXPECT_TRUE(absl::IsInvalidArgument(MathAnswerVerifier::Create(spec).status()));
}

TEST(MathAnswerVerifierTest, RandomBytesAlwaysGetAVerdict) {
  const auto verifier = Make("", /*allow_expressions=*/true);
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string completion = i % 2 == 0 ? "#### " : "";
    for (size_t size = random() % 64; completion.size() < size;) completion.push_back(static_cast<char>(random()));
    EXPECT_NE(Outcome(verifier->Judge(MakeProblem("12"), completion)), "no verdict");
  }
}

}  // namespace
}  // namespace cohort::reward
