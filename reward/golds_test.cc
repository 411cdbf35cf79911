// SPDX-License-Identifier: Apache-2.0
// The golds of the data sets that ship with the project.
#include <cstdlib>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "reward/gold_rows.h"
#include "reward/rubric.h"

namespace cohort::reward {
namespace {

TEST(GoldsTest, GSM8KSliceIsGradedOne) {
  const auto problems = ReadGoldRows("examples/gsm8k/train_100.jsonl", "answer");
  EXPECT_EQ(problems.size(), 100u);
  cohort::v1::VerifierSpec verifier;
  verifier.mutable_math_answer();
  ExpectGoldsAreGradedOne(problems, verifier);
}

TEST(GoldsTest, CountdownSliceIsGradedOneByItsWitnesses) {
  const auto problems = ReadGoldRows("examples/countdown/train_100.jsonl", "solution");
  EXPECT_EQ(problems.size(), 100u);
  cohort::v1::VerifierSpec verifier;
  verifier.mutable_countdown();
  ExpectGoldsAreGradedOne(problems, verifier);
}

TEST(GoldsTest, CommandExampleGradesItsOwnGoldsOne) {
  cohort::v1::VerifierSpec verifier;
  verifier.mutable_command()->add_argv("python3");
  verifier.mutable_command()->add_argv("verify.py");
  verifier.mutable_command()->set_working_directory(std::filesystem::absolute("examples/command_verifier").string());
  verifier.mutable_deadline()->set_seconds(20);
  ExpectGoldsAreGradedOne(ReadGoldRows("examples/command_verifier/words.jsonl", "answer"), verifier);
}

TEST(GoldsTest, RecommendationExampleGradesItsOwnGoldsOneByBothMetrics) {
  const std::string data = std::string(std::getenv("TEST_TMPDIR")) + "/recommendation";
  const std::string command =
      "python3 examples/recommendation/generate.py --seed 3 --demonstrations 1 --output " + data;
  ASSERT_EQ(std::system(command.c_str()), 0);
  cohort::v1::VerifierSpec verifier;
  verifier.mutable_ranking()->set_catalogue_path(data + "/catalogue.jsonl");
  verifier.mutable_ranking()->set_num_items(10);
  const auto zygote = Zygote::Start().value();
  for (const auto metric : {cohort::v1::RankingVerifier::METRIC_NDCG, cohort::v1::RankingVerifier::METRIC_RECALL}) {
    verifier.mutable_ranking()->set_metric(metric);
    cohort::v1::RewardSpec spec;
    *spec.add_verifiers() = verifier;
    const auto rubric = Rubric::Create(spec, "/", zygote.get(), /*num_children=*/2).value();
    for (const char* file : {"/problems.jsonl", "/held_out.jsonl"}) {
      for (const cohort::v1::Problem& problem : ReadGoldRows(data + file, "prompt")) {
        const absl::Status status = rubric->CheckGold(problem);
        EXPECT_TRUE(status.ok()) << file << " row " << problem.problem_id() << ": " << status;
      }
    }
  }
}

}  // namespace
}  // namespace cohort::reward
