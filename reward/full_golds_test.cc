// SPDX-License-Identifier: Apache-2.0
// The golds of whole data sets, where a folder with them lies beside the workspace (or is named by COHORT_SHARED_DATA).
#include <cstdlib>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "reward/gold_rows.h"

namespace cohort::reward {
namespace {

namespace fs = std::filesystem;

std::string SharedData() {
  if (const char* path = std::getenv("COHORT_SHARED_DATA")) return path;
  // A runfile is a link into the workspace, whose real path has ../shared beside it.
  std::error_code error;
  const fs::path slice = fs::canonical("examples/gsm8k/train_100.jsonl", error);
  return (slice.parent_path().parent_path().parent_path().parent_path() / "shared/data").string();
}

TEST(GoldsTest, GSM8KFull) {
  const std::string path = SharedData() + "/gsm8k/train.jsonl";
  if (!fs::exists(path)) GTEST_SKIP() << "GSM8KFull: ../shared/data absent";
  const auto problems = ReadGoldRows(path, "answer");
  EXPECT_EQ(problems.size(), 7473u);
  cohort::v1::VerifierSpec verifier;
  verifier.mutable_math_answer();
  ExpectGoldsAreGradedOne(problems, verifier);
}

TEST(GoldsTest, CountdownFull) {
  const std::string path = SharedData() + "/countdown/train.jsonl";
  if (!fs::exists(path)) GTEST_SKIP() << "CountdownFull: ../shared/data absent";
  const auto problems = ReadGoldRows(path, "solution");
  EXPECT_EQ(problems.size(), 5000u);
  cohort::v1::VerifierSpec verifier;
  verifier.mutable_countdown();
  ExpectGoldsAreGradedOne(problems, verifier);
}

}  // namespace
}  // namespace cohort::reward
