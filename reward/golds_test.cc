// SPDX-License-Identifier: Apache-2.0
// The golds of the data sets that ship with the project.
#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "reward/gold_rows.h"

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

}  // namespace
}  // namespace cohort::reward
