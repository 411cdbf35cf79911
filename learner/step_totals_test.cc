// SPDX-License-Identifier: Apache-2.0
#include "learner/step_totals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace cohort::learner {
namespace {

StepTotals RankWith(double ratio, double tokens) {
  StepTotals totals;
  totals.Add({{"count_tokens", tokens}, {"sum_ratio", ratio * tokens}, {"min_ratio", ratio}, {"max_ratio", ratio}});
  return totals;
}

// What the two all-reduces do.
StepTotals Reduced(const std::vector<StepTotals>& ranks) {
  std::vector<double> sums = ranks[0].Sums(), maxima = ranks[0].Maxima();
  for (size_t rank = 1; rank < ranks.size(); ++rank) {
    const std::vector<double> more = ranks[rank].Sums(), larger = ranks[rank].Maxima();
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += more[i];
    for (size_t i = 0; i < maxima.size(); ++i) maxima[i] = std::max(maxima[i], larger[i]);
  }
  StepTotals reduced;
  reduced.SetSums(sums);
  reduced.SetMaxima(maxima);
  return reduced;
}

TEST(StepTotalsTest, RanksAddUpAndExtremesSurvive) {
  const StepTotals reduced = Reduced({RankWith(0.5, 10), RankWith(2, 30), StepTotals()});
  EXPECT_EQ(reduced.Get("count_tokens"), 40);
  EXPECT_EQ(reduced.Get("sum_ratio"), 65);
  EXPECT_EQ(reduced.Get("min_ratio"), 0.5);
  EXPECT_EQ(reduced.Get("max_ratio"), 2);
}

TEST(StepTotalsTest, NamesOutsideTheListAreDropped) {
  StepTotals totals;
  totals.Add("sum_of_nothing", 3);
  EXPECT_EQ(totals.Sums(), StepTotals().Sums());
}

TEST(StepTotalsTest, MetricsAreMeansOverTokensOfAllRanks) {
  const auto metrics = StepMetrics(Reduced({RankWith(0.5, 10), RankWith(2, 30)}),
                                   {.learner_seconds = 2, .num_updates = 2, .world_size = 2, .has_rollouts = true});
  EXPECT_DOUBLE_EQ(metrics.at("ratio_mean"), 65.0 / 40);
  EXPECT_EQ(metrics.at("ratio_min"), 0.5);
  EXPECT_EQ(metrics.at("ratio_max"), 2);
  EXPECT_EQ(metrics.at("trained_tokens"), 40);
}

TEST(StepTotalsTest, UpdateRatioIsTheSameWhetherRanksShareTheUpdateOrRepeatIt) {
  StepTotals whole, half;
  whole.Add({{"sum_squared_change", 4}, {"sum_squared_weights", 100}});
  half.Add({{"sum_squared_change", 2}, {"sum_squared_weights", 50}});
  for (const StepTotals& totals : {whole, Reduced({whole, whole}), Reduced({half, half})}) {
    EXPECT_DOUBLE_EQ(StepMetrics(totals, {.num_updates = 1}).at("update_ratio"), 0.2);
  }
  EXPECT_EQ(StepMetrics(StepTotals(), {.num_updates = 1}).count("update_ratio"), 0);
}

TEST(StepTotalsTest, DemonstrationsHaveNoRatios) {
  const auto metrics = StepMetrics(RankWith(1, 10), {.num_updates = 1});
  EXPECT_EQ(metrics.count("ratio_mean"), 0);
  EXPECT_EQ(metrics.count("mismatch_max_abs"), 0);
  EXPECT_EQ(metrics.count("loss"), 1);
}

TEST(StepTotalsTest, MismatchThatWasNotMeasuredIsAbsentAndOneThatIsZeroIsNot) {
  StepTotals totals = RankWith(1, 10);
  for (const auto& [name, value] : StepMetrics(totals, {.num_updates = 1, .has_rollouts = true})) {
    EXPECT_EQ(name.find("mismatch"), std::string::npos) << name;
  }
  totals.Add({{"count_behavior_tokens", 10}, {"max_mismatch_abs", 0}, {"sum_mismatch_abs", 5}});
  const auto metrics = StepMetrics(totals, {.num_updates = 1, .has_rollouts = true});
  EXPECT_EQ(metrics.at("mismatch_max_abs"), 0);
  EXPECT_EQ(metrics.at("mismatch_mean_abs"), 0.5);
}

TEST(StepTotalsTest, StepWithoutTokensGivesFiniteMetrics) {
  for (const auto& [name, value] : StepMetrics(StepTotals(), {.has_rollouts = true})) EXPECT_EQ(value, 0) << name;
}

}  // namespace
}  // namespace cohort::learner
