// SPDX-License-Identifier: Apache-2.0
#include "cli/svg_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stack>

namespace cohort::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Every tag is closed in order and no stray "<" or "&" is left: enough for documents without CDATA and comments.
bool IsWellFormed(const std::string& xml) {
  std::stack<std::string> open;
  for (size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at)) {
    const size_t end = xml.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    at = end;
    if (tag.find('<') != std::string::npos) return false;
    if (tag[0] == '?' || tag.back() == '/') continue;
    if (tag[0] == '/') {
      if (open.empty() || open.top() != tag.substr(1)) return false;
      open.pop();
    } else {
      open.push(tag.substr(0, tag.find(' ')));
    }
  }
  for (size_t at = xml.find('&'); at != std::string::npos; at = xml.find('&', at + 1)) {
    const std::string entity = xml.substr(at, xml.find(';', at) - at + 1);
    if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;") return false;
  }
  return open.empty();
}

Chart SampleChart() {
  return {.title = "grpo <&> \"x\"",
          .x_label = "step",
          .y_label = "share",
          .is_share = true,
          .series = {{.name = "reward", .points = {{1, 0.2}, {2, 0.4}, {3, 0.9}}},
                     {.name = "a<b", .points = {{0, 0.1}, {3, 0.8}}, .is_scatter = true}}};
}

TEST(SvgChartTest, HostileTextStaysWellFormed) { EXPECT_TRUE(IsWellFormed(RenderSvg(SampleChart()))); }

TEST(SvgChartTest, DrawsACurvePerSeriesAMarkPerPointAndALegend) {
  const std::string svg = RenderSvg(SampleChart());
  EXPECT_THAT(svg, HasSubstr("stroke=\"#0072b2\""));
  EXPECT_THAT(svg, HasSubstr(">reward</text>"));
  EXPECT_THAT(svg, HasSubstr(">a&lt;b</text>"));
  size_t num_marks = 0;
  for (size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1)) ++num_marks;
  EXPECT_EQ(num_marks, 3u);  // two points and the legend's
}

TEST(SvgChartTest, ShareAxisCoversZeroToOne) {
  const std::string svg = RenderSvg(SampleChart());
  EXPECT_THAT(svg, HasSubstr(">0</text>"));
  EXPECT_THAT(svg, HasSubstr(">1</text>"));
}

TEST(SvgChartTest, NonFiniteValuesAreLeftOut) {
  Chart chart = SampleChart();
  chart.series[0].points.emplace_back(4, std::numeric_limits<double>::quiet_NaN());
  chart.series[1].points.emplace_back(5, std::numeric_limits<double>::infinity());
  const std::string svg = RenderSvg(chart);
  EXPECT_TRUE(IsWellFormed(svg));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(SvgChartTest, ChartWithoutPointsIsStillADocument) {
  EXPECT_TRUE(IsWellFormed(RenderSvg({.title = "empty", .x_label = "", .y_label = "", .series = {}})));
}

TEST(SvgChartTest, TicksAreRoundAndCoverTheRange) {
  EXPECT_THAT(RoundTicks(0, 1, 5), ElementsAre(0, ::testing::DoubleEq(0.2), ::testing::DoubleEq(0.4),
                                               ::testing::DoubleNear(0.6, 1e-12), ::testing::DoubleEq(0.8), 1));
  EXPECT_THAT(RoundTicks(1, 59, 6), ElementsAre(0, 10, 20, 30, 40, 50, 60));
  EXPECT_THAT(RoundTicks(-3, 2, 5), ElementsAre(-3, -2, -1, 0, 1, 2));
}

}  // namespace
}  // namespace cohort::cli
