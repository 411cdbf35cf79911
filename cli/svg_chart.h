// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_SVG_CHART_H_
#define COHORT_CLI_SVG_CHART_H_

#include <string>
#include <utility>
#include <vector>

namespace cohort::cli {

// One curve.
struct ChartSeries {
  std::string name;
  // (x, y) in order of x; values that are not finite are left out.
  std::vector<std::pair<double, double>> points;
  // Drawn as marks instead of a line.
  bool is_scatter = false;
};

// A chart with one x and one y axis.
struct Chart {
  std::string title;
  std::string x_label;
  std::string y_label;
  // The y axis covers at least [0, 1].
  bool is_share = false;
  std::vector<ChartSeries> series;
};

// The chart as a stand-alone SVG document with axes, ticks, grid and legend. A pure function.
std::string RenderSvg(const Chart& chart);

// Round tick positions that cover [low, high] in about `count` intervals: steps of 1, 2 or 5 times a power of ten.
std::vector<double> RoundTicks(double low, double high, int count);

}  // namespace cohort::cli

#endif  // COHORT_CLI_SVG_CHART_H_
