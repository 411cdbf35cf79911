// SPDX-License-Identifier: Apache-2.0
#include "reward/gold_rows.h"

#include <chrono>
#include <cstdio>
#include <fstream>

#include "nlohmann/json.hpp"
#include "reward/rubric.h"

namespace cohort::reward {

std::vector<cohort::v1::Problem> ReadGoldRows(const std::string& path, const std::string& answer_field) {
  std::vector<cohort::v1::Problem> problems;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    cohort::v1::Problem problem;
    problem.set_problem_id(static_cast<int64_t>(problems.size()));
    problem.set_answer(nlohmann::json::parse(line)[answer_field].get<std::string>());
    problem.set_row_json(line);
    problems.push_back(std::move(problem));
  }
  EXPECT_FALSE(problems.empty()) << path;
  return problems;
}

void ExpectGoldsAreGradedOne(const std::vector<cohort::v1::Problem>& problems,
                             const cohort::v1::VerifierSpec& verifier) {
  const auto zygote = Zygote::Start().value();
  cohort::v1::RewardSpec spec;
  *spec.add_verifiers() = verifier;
  const auto rubric = Rubric::Create(spec, "/", zygote.get(), /*num_children=*/2).value();
  const auto start = std::chrono::steady_clock::now();
  for (const cohort::v1::Problem& problem : problems) {
    const absl::Status status = rubric->CheckGold(problem);
    EXPECT_TRUE(status.ok()) << "row " << problem.problem_id() << ": " << status;
  }
  const auto middle = std::chrono::steady_clock::now();
  for (const cohort::v1::Problem& problem : problems) {
    const RubricResult result = rubric->Judge(problem, {problem.answer()}).value()[0];
    EXPECT_EQ(result.reward, 1) << "row " << problem.problem_id() << ": " << result.scores[0].reason();
  }
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  std::printf("%zu rows: CheckGold %.2f s, Judge %.2f s\n", problems.size(), seconds(middle - start),
              seconds(std::chrono::steady_clock::now() - middle));
}

}  // namespace cohort::reward
