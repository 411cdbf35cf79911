// SPDX-License-Identifier: Apache-2.0
#include "reward/rubric.h"

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "reward/sandbox/hostile_verifier.h"

namespace cohort::reward {
namespace {

cohort::v1::RewardSpec MakeSpec(const std::string& text) {
  cohort::v1::RewardSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  return spec;
}

cohort::v1::Problem MakeProblem(const std::string& answer) {
  cohort::v1::Problem problem;
  problem.set_prompt("2 + 2");
  problem.set_answer(answer);
  problem.set_row_json(R"({"numbers": [2, 2], "target": 4})");
  return problem;
}

class RubricTest : public ::testing::Test {
 protected:
  void SetUp() override { zygote_ = Zygote::Start().value(); }
  absl::StatusOr<std::unique_ptr<Rubric>> Create(const std::string& spec) {
    return Rubric::Create(MakeSpec(spec), "/", zygote_.get(), /*num_children=*/2);
  }
  absl::StatusOr<std::unique_ptr<Rubric>> CreateHostile(const std::string& spec) {
    return Rubric::CreateWith({&RegisterHostileVerifier, &HostileChildMain}, MakeSpec(spec), "/", zygote_.get(),
                              /*num_children=*/2);
  }

  std::unique_ptr<Zygote> zygote_;
};

TEST_F(RubricTest, RewardIsTheWeightedSumWithBreakdown) {
  const auto rubric = Create(R"(verifiers { name: "answer" weight: 2 math_answer {} }
                                verifiers { weight: -0.5 math_answer { answer_marker: "####" } }
                                verifiers { weight: 0.25 countdown {} })")
                          .value();
  EXPECT_EQ(rubric->MaxReward(), 2.25);
  const auto results = rubric->Judge(MakeProblem("4"), {"2 + 2", "#### 4", "it is 4", "2 + 2 = 4"}).value();
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[0].reward, 0.25);  // the last number is 2
  EXPECT_EQ(results[1].reward, 1.5);
  EXPECT_EQ(results[2].reward, 2);
  EXPECT_EQ(results[3].reward, 2.25);
  for (const RubricResult& result : results) EXPECT_EQ(result.outcome, cohort::v1::SCORE_OUTCOME_GRADED);
  EXPECT_EQ(results[1].scores[0].verifier(), "answer");
  EXPECT_EQ(results[1].scores[1].verifier(), "math_answer");
  EXPECT_EQ(results[1].scores[2].outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
}

TEST_F(RubricTest, OneScoreWithoutVerdictMakesTheResultNoVerdict) {
  const auto rubric =
      CreateHostile(R"(verifiers { name: "a" math_answer {} } verifiers { name: "b" math_answer {} })").value();
  const auto results = rubric->Judge(MakeProblem(""), {"no_verdict", "grade 0.5", "wrong"}).value();
  EXPECT_EQ(results[0].outcome, cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_EQ(results[0].reward, 0);
  EXPECT_EQ(results[1].outcome, cohort::v1::SCORE_OUTCOME_GRADED);
  EXPECT_EQ(results[1].reward, 1);
  EXPECT_EQ(results[2].outcome, cohort::v1::SCORE_OUTCOME_GRADED);
  EXPECT_EQ(results[2].reward, 0);
}

TEST_F(RubricTest, AttemptsPastTheDeadlineAreCountedByVerifier) {
  const auto rubric = CreateHostile(R"(verifiers { name: "a" math_answer {} deadline { nanos: 500000000 } }
                                       verifiers { name: "b" math_answer {} deadline { seconds: 60 } })")
                          .value();
  EXPECT_THAT(rubric->Judge(MakeProblem(""), {"grade 1"}).value()[0].num_timeouts, ::testing::ElementsAre(0, 0));
  const auto unlimited = CreateHostile(R"(verifiers { math_answer {} deadline { nanos: 300000000 } })").value();
  EXPECT_THAT(unlimited->Judge(MakeProblem(""), {"spin"}).value()[0].num_timeouts, ::testing::ElementsAre(2));
}

TEST_F(RubricTest, VerifierOfNoWeightMustReachAVerdictToo) {
  const auto rubric =
      Create(R"(verifiers { math_answer {} } verifiers { weight: 0 command { argv: "false" } })").value();
  const RubricResult result = rubric->Judge(MakeProblem("4"), {"#### 4"}).value()[0];
  EXPECT_EQ(result.scores[1].outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_EQ(result.outcome, cohort::v1::SCORE_OUTCOME_NO_VERDICT) << "a reported mean would count it as 0";
  EXPECT_EQ(result.reward, 0);
}

TEST_F(RubricTest, PenaltyNeedNotApplyToTheGroundTruthButMustReachAVerdict) {
  const auto rubric_with = [this](const std::string& second) {
    return Create(absl::StrCat("verifiers { math_answer { allow_expressions: true } } verifiers { ", second, " }"))
        .value();
  };
  EXPECT_FALSE(rubric_with("countdown {}")->CheckGold(MakeProblem("4 + 0")).ok());  // 0 is not given
  EXPECT_TRUE(rubric_with("weight: -1 countdown {}")->CheckGold(MakeProblem("4 + 0")).ok());
  EXPECT_EQ(rubric_with("weight: -1 command { argv: 'false' }")->CheckGold(MakeProblem("4")).message(),
            "verifiers[1] (command): the program exited with status 1 (4)");
}

TEST_F(RubricTest, JudgingAGroupAgainGivesTheSameScores) {
  const auto rubric = Create("verifiers { math_answer { allow_expressions: true } }").value();
  const std::vector<std::string> completions = {"#### 4",   "#### 9**9**9", "#### " + std::string(10000, '('),
                                                "#### 2+2", "\xff\xfe\n",   std::string(100, '\0')};
  const auto first = rubric->Judge(MakeProblem("4"), completions).value();
  for (int i = 0; i < 20; ++i) {
    const auto again = rubric->Judge(MakeProblem("4"), completions).value();
    for (size_t j = 0; j < completions.size(); ++j) {
      EXPECT_EQ(again[j].reward, first[j].reward);
      EXPECT_EQ(again[j].scores[0].outcome(), first[j].scores[0].outcome());
      EXPECT_EQ(again[j].scores[0].reason(), first[j].scores[0].reason());
    }
  }
  EXPECT_EQ(first[0].reward + first[3].reward, 2);
  EXPECT_EQ(first[1].scores[0].outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
  EXPECT_EQ(first[2].scores[0].outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
}

TEST_F(RubricTest, NoCompletionsGiveNoResults) {
  EXPECT_TRUE(Create("verifiers { math_answer {} }").value()->Judge(MakeProblem("4"), {}).value().empty());
}

TEST_F(RubricTest, CheckGoldNamesVerifierGroundTruthAndReason) {
  const auto rubric = Create(R"(verifiers { math_answer {} })").value();
  EXPECT_TRUE(rubric->CheckGold(MakeProblem("4")).ok());
  const absl::Status status = rubric->CheckGold(MakeProblem("four or five"));
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(),
            "verifiers[0] (math_answer): the ground truth is not one number: answer \"four or five\": is not a number "
            "(four or five)");
}

TEST_F(RubricTest, CheckGoldRefusesAGoldThatIsNotGradedOne) {
  const auto rubric = CreateHostile(R"(verifiers { math_answer {} deadline { nanos: 500000000 } })").value();
  EXPECT_TRUE(rubric->CheckGold(MakeProblem("")).ok());  // names no completion
  EXPECT_TRUE(rubric->CheckGold(MakeProblem("grade 1")).ok());
  EXPECT_EQ(rubric->CheckGold(MakeProblem("grade 0.5")).message(),
            "verifiers[0] (math_answer): it graded the ground truth 0.5, not 1 (grade 0.5)");
  EXPECT_EQ(rubric->CheckGold(MakeProblem("wrong")).message(), "verifiers[0] (math_answer): told so (wrong)");
  EXPECT_EQ(rubric->CheckGold(MakeProblem("spin")).message(),
            "verifiers[0] (math_answer): no verdict within the deadline of 500 ms (spin)");
  EXPECT_EQ(rubric->CheckGold(MakeProblem("unusable")).message(),
            "verifiers[0] (math_answer): the ground truth is unusable (unusable)");
}

TEST_F(RubricTest, BadSpecsAreRefusedByFieldPath) {
  const auto message = [this](const std::string& spec) { return std::string(Create(spec).status().message()); };
  EXPECT_EQ(message(""), "verifiers: wants 1 to 64 (0 given)");
  EXPECT_EQ(message("verifiers { name: 'x' }"),
            "verifiers[0].verifier: none is set; want math_answer, countdown, command or ranking");
  EXPECT_EQ(message("verifiers { math_answer {} } verifiers { math_answer {} }"),
            "verifiers[1].name: is used twice (math_answer)");
  EXPECT_EQ(message("verifiers { math_answer {} weight: -1 }"), "verifiers: none has a positive weight");
  EXPECT_EQ(message("verifiers { math_answer {} weight: nan }"), "verifiers[0].weight: must be finite (nan)");
  EXPECT_EQ(message("verifiers { math_answer {} deadline { seconds: -1 } }"),
            "verifiers[0].deadline: must be from 1 ms to 1 hour (-1000 ms)");
  EXPECT_EQ(message("verifiers { math_answer {} deadline { seconds: 9223372036854775807 } }"),
            "verifiers[0].deadline: must be from 1 ms to 1 hour (9223372036854775807 s)");
  EXPECT_EQ(message("verifiers { math_answer {} weight: 0 }"), "verifiers: none has a positive weight");
  EXPECT_EQ(message("verifiers { math_answer {} weight: 1e300 }"),
            "verifiers: the weights' magnitudes must add up to at most 1e+06 (1e+300)");
  EXPECT_EQ(message("verifiers { math_answer {} } max_no_verdict_share: 1.5"),
            "max_no_verdict_share: must be from 0 to 1 (1.5)");
  EXPECT_EQ(message("verifiers { command {} }"), "verifiers[0].command.argv: names no program");
  EXPECT_EQ(message("verifiers { command { argv: 'true' max_memory_bytes: -1 } }"),
            "verifiers[0].command.max_memory_bytes: must not be negative (-1)");
}

}  // namespace
}  // namespace cohort::reward
