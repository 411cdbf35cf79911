// SPDX-License-Identifier: Apache-2.0
#include "reward/score_agreement.h"

#include <fstream>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace cohort::reward {
namespace {

TEST(ScoreAgreementTest, MatchesTheGoldenRewardOfGroupRank) {
  std::ifstream file("reward/testdata/golden_ranking.json");
  const nlohmann::json golden = nlohmann::json::parse(file).at("grouprank");
  const double agreement =
      ScoreAgreement(golden.at("pred").get<std::vector<double>>(), golden.at("gold").get<std::vector<double>>());
  EXPECT_NEAR(1 - agreement, golden.at("js_bits").get<double>(), 1e-12);
  // R_G of a list with NDCG 0.9 and recall 1, as the rubric of docs/verifiers.md weighs the parts.
  EXPECT_NEAR(0.9 + 0.2 * 1 + 0.1 * agreement, golden.at("RG_example_ndcg0p9_recall1").get<double>(), 1e-12);
}

TEST(ScoreAgreementTest, IsOneForProportionalListsAndZeroForDisjointOnes) {
  EXPECT_DOUBLE_EQ(ScoreAgreement({1, 2, 3}, {2, 4, 6}), 1);
  EXPECT_DOUBLE_EQ(ScoreAgreement({1, 0}, {0, 5}), 0);
  EXPECT_DOUBLE_EQ(ScoreAgreement({3, 1}, {1, 2}), ScoreAgreement({1, 2}, {3, 1}));
}

TEST(ScoreAgreementTest, ListOfZerosIsUniform) {
  EXPECT_DOUBLE_EQ(ScoreAgreement({0, 0}, {0, 0}), 1);
  EXPECT_DOUBLE_EQ(ScoreAgreement({0, 0, 0, 0}, {3, 3, 3, 3}), 1);
  EXPECT_LT(ScoreAgreement({0, 0}, {1, 0}), 1);
}

}  // namespace
}  // namespace cohort::reward
