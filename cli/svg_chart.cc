// SPDX-License-Identifier: Apache-2.0
#include "cli/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace cohort::cli {
namespace {

constexpr double kWidth = 860;
constexpr double kHeight = 460;
constexpr double kLeft = 70;
constexpr double kRight = 24;
constexpr double kTop = 84;
constexpr double kBottom = 58;
// Colours of Okabe and Ito, told apart by colour-blind readers too.
constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void Cover(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// Data coordinates to pixels.
struct Frame {
  Range x;
  Range y;

  double X(double value) const { return kLeft + (value - x.low) / (x.high - x.low) * (kWidth - kLeft - kRight); }
  double Y(double value) const {
    return kHeight - kBottom - (value - y.low) / (y.high - y.low) * (kHeight - kTop - kBottom);
  }
};

bool IsFinite(const std::pair<double, double>& point) {
  return std::isfinite(point.first) && std::isfinite(point.second);
}

// Text as XML character data: markup escaped, control characters (which XML 1.0 cannot hold) replaced.
std::string Escape(std::string_view text) {
  std::string out = absl::StrReplaceAll(absl::string_view(text.data(), text.size()),
                                        {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return out;
}

// Ends on ticks, never empty.
Range Widened(Range range, std::vector<double>& ticks, int count) {
  if (range.low > range.high) range = {0, 1};
  // Values that differ by rounding alone are one value.
  const double magnitude = std::max(std::abs(range.low), std::abs(range.high));
  if (range.high - range.low <= 1e-9 * magnitude) {
    const double middle = range.low / 2 + range.high / 2, half = std::max(0.5, magnitude * 1e-6);
    range = {middle - half, middle + half};
  }
  // A span beyond the largest double has no ticks of its own.
  if (!std::isfinite(range.high - range.low)) range = {-1, 1};
  ticks = RoundTicks(range.low, range.high, count);
  return {std::min(range.low, ticks.front()), std::max(range.high, ticks.back())};
}

void DrawText(std::string& svg, double x, double y, std::string_view attributes, std::string_view text) {
  absl::StrAppendFormat(&svg, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, std::string(attributes),
                        Escape(text));
}

void DrawAxes(std::string& svg, const Frame& frame, const std::vector<double>& x_ticks,
              const std::vector<double>& y_ticks) {
  for (const double tick : y_ticks) {
    absl::StrAppendFormat(&svg, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#e3e3e3\"/>\n", kLeft,
                          frame.Y(tick), kWidth - kRight, frame.Y(tick));
    DrawText(svg, kLeft - 8, frame.Y(tick) + 4, "text-anchor=\"end\"", absl::StrFormat("%.6g", tick));
  }
  for (const double tick : x_ticks) {
    absl::StrAppendFormat(&svg, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#444\"/>\n",
                          frame.X(tick), kHeight - kBottom, frame.X(tick), kHeight - kBottom + 5);
    DrawText(svg, frame.X(tick), kHeight - kBottom + 19, "text-anchor=\"middle\"", absl::StrFormat("%.6g", tick));
  }
  absl::StrAppendFormat(&svg, "<path d=\"M%.1f %.1fV%.1fH%.1f\" fill=\"none\" stroke=\"#444\"/>\n", kLeft, kTop,
                        kHeight - kBottom, kWidth - kRight);
}

// Every second curve is dashed, so that two that coincide are both seen.
const char* Dashes(size_t index) { return index % 2 == 1 ? " stroke-dasharray=\"7 5\"" : ""; }

void DrawSeries(std::string& svg, const Frame& frame, const ChartSeries& series, size_t index) {
  const char* color = kColors[index % std::size(kColors)];
  if (series.is_scatter) {
    for (const auto& point : series.points) {
      if (!IsFinite(point)) continue;
      absl::StrAppendFormat(&svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"%s\" stroke=\"#fff\"/>\n",
                            frame.X(point.first), frame.Y(point.second), color);
    }
    return;
  }
  std::string path;
  for (const auto& point : series.points) {
    if (!IsFinite(point)) continue;
    absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : "L", frame.X(point.first), frame.Y(point.second));
  }
  if (path.empty()) return;
  absl::StrAppendFormat(&svg,
                        "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linejoin=\"round\"%s/>\n",
                        path, color, Dashes(index));
}

void DrawLegend(std::string& svg, const std::vector<ChartSeries>& series) {
  double x = kLeft;
  for (size_t i = 0; i < series.size(); ++i) {
    const char* color = kColors[i % std::size(kColors)];
    if (series[i].is_scatter) {
      absl::StrAppendFormat(&svg, "<circle cx=\"%.1f\" cy=\"58\" r=\"4.5\" fill=\"%s\"/>\n", x + 11, color);
    } else {
      absl::StrAppendFormat(&svg,
                            "<line x1=\"%.1f\" y1=\"58\" x2=\"%.1f\" y2=\"58\" stroke=\"%s\" stroke-width=\"3\"%s/>\n",
                            x, x + 22, color, Dashes(i));
    }
    DrawText(svg, x + 28, 62, "", series[i].name);
    x += 28 + 7.2 * series[i].name.size() + 22;
  }
}

}  // namespace

std::vector<double> RoundTicks(double low, double high, int count) {
  const double raw_step = (high - low) / std::max(count, 1);
  const double power = std::pow(10, std::floor(std::log10(raw_step)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw_step * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  // Steps are counted: far from 0 adding 1 to `first` may change nothing.
  for (int k = 0; k <= std::min(last - first, 100.0); ++k) {
    const double i = first + k;
    ticks.push_back(i == 0 ? 0 : i * step);
  }
  return ticks;
}

std::string RenderSvg(const Chart& chart) {
  Frame frame;
  if (chart.is_share) frame.y = {0, 1};
  for (const auto& series : chart.series) {
    for (const auto& point : series.points) {
      if (!IsFinite(point)) continue;
      frame.x.Cover(point.first);
      frame.y.Cover(point.second);
    }
  }
  std::vector<double> x_ticks;
  std::vector<double> y_ticks;
  frame.x = Widened(frame.x, x_ticks, 10);
  frame.y = Widened(frame.y, y_ticks, 6);

  std::string svg = absl::StrFormat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
      "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#222\" role=\"img\">\n<title>%s</title>\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
      kWidth, kHeight, kWidth, kHeight, Escape(chart.title));
  DrawText(svg, kLeft, 32, "font-size=\"18\" font-weight=\"600\"", chart.title);
  DrawAxes(svg, frame, x_ticks, y_ticks);
  for (size_t i = 0; i < chart.series.size(); ++i) {
    DrawSeries(svg, frame, chart.series[i], i);
  }
  DrawLegend(svg, chart.series);
  DrawText(svg, (kLeft + kWidth - kRight) / 2, kHeight - 14, "text-anchor=\"middle\"", chart.x_label);
  const double middle = (kTop + kHeight - kBottom) / 2;
  DrawText(svg, 18, middle, absl::StrFormat("text-anchor=\"middle\" transform=\"rotate(-90 18 %.1f)\"", middle),
           chart.y_label);
  return absl::StrCat(svg, "</svg>\n");
}

}  // namespace cohort::cli
