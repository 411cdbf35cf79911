// SPDX-License-Identifier: Apache-2.0
// The golds of whole data sets, where a folder with them lies beside the workspace (or is named by COHORT_SHARED_DATA).
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
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

// Lists of five entries as people write them: every title of a real catalogue survives numbering, marks and quotes.
TEST(GoldsTest, MovieCatalogueFull) {
  const std::string path = SharedData() + "/movie_catalogue/catalogue.jsonl";
  if (!fs::exists(path)) GTEST_SKIP() << "MovieCatalogueFull: ../shared/data absent";
  constexpr size_t kItems = 5;
  std::vector<nlohmann::json> entries;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) entries.push_back(nlohmann::json::parse(line));
  EXPECT_EQ(entries.size(), 7404u);
  std::vector<cohort::v1::Problem> problems;
  for (size_t begin = 0; begin < entries.size(); begin += kItems) {
    cohort::v1::Problem& problem = problems.emplace_back();
    nlohmann::json truths = nlohmann::json::array();
    std::string list = "Here are some films:\n\n";
    for (size_t i = begin; i < std::min(begin + kItems, entries.size()); ++i) {
      truths.push_back(entries[i]);
      const std::string title = entries[i]["title"];
      absl::StrAppend(&list, i - begin + 1, i % 2 == 0 ? ". **" : ") \"", title, i % 2 == 0 ? "** (" : "\" (",
                      absl::Dec(entries[i]["year"].get<int>(), absl::kZeroPad4), ") - a classic\n");
    }
    problem.set_problem_id(static_cast<int64_t>(problems.size()) - 1);
    problem.set_answer(list);
    problem.set_row_json(nlohmann::json({{"truths", truths}}).dump());
  }
  cohort::v1::VerifierSpec verifier;
  verifier.mutable_ranking()->set_catalogue_path(path);
  verifier.mutable_ranking()->set_num_items(kItems);
  verifier.mutable_ranking()->set_metric(cohort::v1::RankingVerifier::METRIC_NDCG_FULL_LIST);
  ExpectGoldsAreGradedOne(problems, verifier);
  verifier.mutable_ranking()->set_metric(cohort::v1::RankingVerifier::METRIC_RECALL);
  ExpectGoldsAreGradedOne(problems, verifier);
}

}  // namespace
}  // namespace cohort::reward
