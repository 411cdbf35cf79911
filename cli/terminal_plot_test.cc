// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/utf8.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int kColumns = 60;

std::vector<std::string> LinesOf(const MetricSeries& series) {
  std::vector<std::string> lines = absl::StrSplit(RenderTerminalPlot(series, kColumns), '\n');
  lines.pop_back();
  return lines;
}

int NumCharacters(const std::string& line) {
  int count = 0;
  for (size_t at = 0; at < line.size(); at += common::Utf8CharacterAt(line, at).size) ++count;
  return count;
}

bool HasDots(const std::string& line) {
  for (size_t at = 0; at < line.size();) {
    const auto character = common::Utf8CharacterAt(line, at);
    if (character.code_point > 0x2800 && character.code_point <= 0x28FF) return true;
    at += character.size;
  }
  return false;
}

MetricSeries Line(int num_points) {
  MetricSeries series{.name = "reward", .points = {}};
  for (int i = 1; i <= num_points; ++i) series.points.emplace_back(i, i);
  return series;
}

TEST(TerminalPlotTest, RisingCurveGoesFromTheLowerLeftToTheUpperRight) {
  const auto lines = LinesOf(Line(100));
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_EQ(lines[0], "reward  last 100  least 1  greatest 100");
  EXPECT_THAT(lines[1], HasSubstr("100 \u2524"));
  EXPECT_THAT(lines[8], HasSubstr("  1 \u2524"));
  // The upper right dot is in the last column, the lower left one in the first.
  EXPECT_EQ(NumCharacters(lines[1]), kColumns);
  EXPECT_FALSE(lines[8].find("\u2524\u2800") != std::string::npos);
  EXPECT_TRUE(lines[1].find("\u2524\u2800") != std::string::npos);
  for (const std::string& line : lines) EXPECT_LE(NumCharacters(line), kColumns) << line;
  EXPECT_THAT(lines[9], AllOf(HasSubstr("1  "), HasSubstr("  100")));
}

TEST(TerminalPlotTest, ConstantCurveIsALineInTheMiddle) {
  MetricSeries series{.name = "loss", .points = {{1, 2}, {2, 2}, {3, 2}}};
  const auto lines = LinesOf(series);
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_FALSE(HasDots(lines[1]));
  EXPECT_TRUE(HasDots(lines[4]) || HasDots(lines[5]));
  EXPECT_FALSE(HasDots(lines[8]));
}

TEST(TerminalPlotTest, OnePointIsOneDot) {
  const auto lines = LinesOf({.name = "loss", .points = {{7, 0.5}}});
  ASSERT_EQ(lines.size(), 10u);
  int num_lines = 0;
  for (const std::string& line : lines) num_lines += HasDots(line) ? 1 : 0;
  EXPECT_EQ(num_lines, 1);
  EXPECT_THAT(lines[9], HasSubstr("7"));
}

TEST(TerminalPlotTest, ValuesThatAreNotFiniteAreCountedAndLeaveAGap) {
  const auto lines = LinesOf({.name = "kl", .points = {{1, 0}, {2, kNan}, {3, INFINITY}, {4, 0}}});
  EXPECT_EQ(lines[0], "kl  last 0  least 0  greatest 0  not finite: 2 of 4");
  // Two dots and nothing between them.
  const auto with_dots = std::find_if(lines.begin(), lines.end(), HasDots);
  ASSERT_NE(with_dots, lines.end());
  EXPECT_THAT(*with_dots, HasSubstr("\u2800\u2800\u2800"));
  EXPECT_EQ(LinesOf({.name = "kl", .points = {{1, kNan}}}).size(), 1u);
}

TEST(TerminalPlotTest, NoPointsSaySo) {
  EXPECT_EQ(RenderTerminalPlot({.name = "kl", .points = {}}, 80), "kl  no value yet\n");
}

TEST(TerminalPlotTest, OneOutlierAmongAHundredThousandIsSeen) {
  MetricSeries series = Line(100000);
  for (auto& point : series.points) point.second = 0;
  series.points[31234].second = 1;
  const auto lines = LinesOf(series);
  ASSERT_EQ(lines.size(), 10u);
  for (int row = 1; row <= 8; ++row) EXPECT_TRUE(HasDots(lines[row])) << row;
}

TEST(TerminalPlotTest, LargestDoublesAndNarrowTerminalsAreDrawn) {
  constexpr double kMax = std::numeric_limits<double>::max();
  const auto lines = LinesOf({.name = "m", .points = {{1, -kMax}, {2, kMax}}});
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_TRUE(HasDots(lines[1]));
  EXPECT_TRUE(HasDots(lines[8]));
  EXPECT_FALSE(RenderTerminalPlot(Line(5), 1).empty());
}

}  // namespace
}  // namespace cohort::cli
