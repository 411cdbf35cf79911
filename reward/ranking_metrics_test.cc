// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_metrics.h"

#include <cmath>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace cohort::reward {
namespace {

constexpr double kTolerance = 1e-15;

nlohmann::json Golden(const std::string& record) {
  std::ifstream file("reward/testdata/golden_ranking.json");
  return nlohmann::json::parse(file).at(record);
}

TEST(RankingMetricsTest, RecallAndNdcgAreTheGoldenOnes) {
  const nlohmann::json golden = Golden("rank/eval");
  const auto hits = golden.at("hits").get<std::vector<int>>();
  const auto num_truths = golden.at("num_gt").get<int64_t>();
  ASSERT_EQ(golden.at("ndcg").size(), 4u);
  for (const auto& [k, ndcg] : golden.at("ndcg").items()) {
    EXPECT_NEAR(NdcgAt(hits, num_truths, std::stoi(k), static_cast<int64_t>(hits.size())), ndcg.get<double>(),
                kTolerance)
        << k;
    EXPECT_NEAR(RecallAt(hits, num_truths, std::stoi(k)), golden.at("recall").at(k).get<double>(), kTolerance) << k;
  }
  const auto short_list = golden.at("short_list_hits").get<std::vector<int>>();
  EXPECT_EQ(NdcgAt(short_list, num_truths, 5, /*ideal_length=*/1), golden.at("short_ndcg5").get<double>());
}

TEST(RankingMetricsTest, DcgIsTheGoldenSumOfDiscountedHits) {
  const nlohmann::json golden = Golden("rank/rewards");
  const auto hits = golden.at("hits").get<std::vector<int>>();
  EXPECT_NEAR(DcgAt(hits, 5), golden.at("log_decay").at(0).get<double>(), kTolerance);
  std::vector<int> one_hit = {0, 0, 0, 0, 0};
  for (size_t i = 0; i < one_hit.size(); ++i) {
    one_hit[i] = 1;
    EXPECT_NEAR(DcgAt(one_hit, 5), golden.at("discounts").at(i).get<double>(), kTolerance);
    one_hit[i] = 0;
  }
}

TEST(RankingMetricsTest, ShortListIsWorthLessAgainstTheFullIdealList) {
  EXPECT_EQ(NdcgAt({1}, /*num_truths=*/2, /*k=*/5, /*ideal_length=*/1), 1);
  EXPECT_DOUBLE_EQ(NdcgAt({1}, 2, 5, /*ideal_length=*/5), 1 / (1 + 1 / std::log2(3.0)));
  EXPECT_EQ(NdcgAt({1, 1}, 2, 5, 5), 1);
}

TEST(RankingMetricsTest, PerfectListsAreExactlyOneAndEmptyOnesZero) {
  for (int64_t n = 1; n <= 1000; ++n) {
    EXPECT_EQ(NdcgAt(std::vector<int>(static_cast<size_t>(n), 1), n, 20, n), 1) << n;
  }
  EXPECT_EQ(NdcgAt({}, 3, 5, 5), 0);
  EXPECT_EQ(RecallAt({}, 3, 5), 0);
  EXPECT_EQ(DcgAt({}, 5), 0);
}

TEST(RankingMetricsTest, GradedNdcgIsOneOnlyForTheBestFirst) {
  EXPECT_DOUBLE_EQ(GradedNdcgAt({3, 2, 0}, 10), 1);
  EXPECT_DOUBLE_EQ(GradedNdcgAt({0, 3}, 10), 1 / std::log2(3.0));
  EXPECT_DOUBLE_EQ(GradedNdcgAt({0, 3}, 1), 0) << "the gain is past k";
  EXPECT_DOUBLE_EQ(GradedNdcgAt({0, 0}, 10), 0);
}

}  // namespace
}  // namespace cohort::reward
