// SPDX-License-Identifier: Apache-2.0
#include "cli/step_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace cohort::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(StepHistoryTest, SeriesHaveTheStepsThatHaveTheMetric) {
  cohort::v1::ListStepsResponse steps;
  for (int version = 1; version <= 3; ++version) {
    auto* step = steps.add_steps()->mutable_step();
    step->set_policy_version(version);
    if (version != 2) (*step->mutable_metrics())["loss"] = 10.0 * version;
  }
  const auto series = SeriesOf(steps, {"loss", "absent"});
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0].name, "loss");
  EXPECT_THAT(series[0].points, ElementsAre(Pair(1, 10), Pair(3, 30)));
  EXPECT_THAT(series[1].points, IsEmpty());
}

TEST(StepHistoryTest, SmoothingIsTheMeanOfTheLastFiniteValues) {
  const MetricSeries series{.name = "m", .points = {{1, kNan}, {2, 2}, {3, 4}, {4, kNan}, {5, 8}}};
  const MetricSeries smooth = Smoothed(series, 2);
  ASSERT_EQ(smooth.points.size(), 5u);
  EXPECT_TRUE(std::isnan(smooth.points[0].second));
  EXPECT_EQ(smooth.points[1].second, 2);
  EXPECT_EQ(smooth.points[2].second, 3);
  EXPECT_EQ(smooth.points[3].second, 4);
  EXPECT_EQ(smooth.points[4].second, 8);
}

TEST(StepHistoryTest, ThinnedSeriesKeepEveryExtremeInOrder) {
  MetricSeries series{.name = "m", .points = {}};
  for (int i = 0; i < 100000; ++i) series.points.emplace_back(i, std::sin(i));
  series.points[54321].second = 1000;
  series.points[54322].second = -1000;
  series.points[7].second = kNan;
  const MetricSeries thin = Thinned(series, 50);
  EXPECT_LE(thin.points.size(), 200u);
  EXPECT_GE(thin.points.size(), 100u);
  EXPECT_EQ(thin.points.front().first, 0);
  EXPECT_EQ(thin.points.back().first, 99999);
  EXPECT_THAT(thin.points, ::testing::Contains(Pair(54321, 1000)));
  EXPECT_THAT(thin.points, ::testing::Contains(Pair(54322, -1000)));
  EXPECT_TRUE(std::is_sorted(thin.points.begin(), thin.points.end()));
}

TEST(StepHistoryTest, FewPointsAreNotThinned) {
  const MetricSeries series{.name = "m", .points = {{1, 1}, {2, kNan}, {3, 3}}};
  EXPECT_THAT(Thinned(series, 1).points, ElementsAre(Pair(1, 1), Pair(3, 3)));
}

}  // namespace
}  // namespace cohort::cli
