// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/utf8.h"

namespace cohort::cli {
namespace {

constexpr int kRows = 8;
constexpr int kLeastColumns = 40;
// A braille character is two dots wide and four high.
constexpr int kDotsAcross = 2;
constexpr int kDotsDown = 4;
constexpr uint32_t kBraille = 0x2800;
// Bits of its dots, by row and column.
constexpr uint32_t kDots[kDotsDown][kDotsAcross] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

struct Dot {
  int x;
  int y;  // from the top
};

// A picture of dots. Not thread-safe.
class Canvas final {
 public:
  explicit Canvas(int columns) : columns_(columns), cells_(static_cast<size_t>(columns) * kRows, 0) {}

  int Width() const { return columns_ * kDotsAcross; }
  static int Height() { return kRows * kDotsDown; }

  void DrawLine(Dot from, Dot to) {
    const int steps = std::max({std::abs(to.x - from.x), std::abs(to.y - from.y), 1});
    for (int i = 0; i <= steps; ++i) {
      const double share = static_cast<double>(i) / steps;
      Set({static_cast<int>(std::lround(from.x + share * (to.x - from.x))),
           static_cast<int>(std::lround(from.y + share * (to.y - from.y)))});
    }
  }
  // Without the blank cells at its end.
  std::string Row(int row) const {
    int end = columns_;
    while (end > 0 && Cell(row, end - 1) == 0) --end;
    std::string text;
    for (int column = 0; column < end; ++column) common::AppendUtf8(kBraille + Cell(row, column), &text);
    return text;
  }

 private:
  void Set(Dot dot) {
    cells_[static_cast<size_t>(dot.y / kDotsDown) * columns_ + dot.x / kDotsAcross] |=
        kDots[dot.y % kDotsDown][dot.x % kDotsAcross];
  }
  uint32_t Cell(int row, int column) const { return cells_[static_cast<size_t>(row) * columns_ + column]; }

  const int columns_;
  std::vector<uint32_t> cells_;
};

struct Range {
  double low;
  double high;

  // 0 to 1; halves, for the span of two doubles may be none.
  double Share(double value) const { return std::clamp((value / 2 - low / 2) / (high / 2 - low / 2), 0.0, 1.0); }
};

// Never empty: values that differ by rounding alone are one value.
Range Widened(double low, double high) {
  const double magnitude = std::max(std::abs(low), std::abs(high));
  if (high / 2 - low / 2 > 1e-9 * magnitude) return {low, high};
  const double half = std::max(0.5, magnitude * 1e-6);
  return {low - half, high + half};
}

std::string Number(double value) { return absl::StrFormat("%.4g", value); }

void Draw(const MetricSeries& series, const Range& y, Canvas& canvas) {
  const double first = series.points.front().first;
  const double last = std::max(series.points.back().first, first + 1);
  Dot before{};
  bool has_before = false;
  for (const auto& [version, value] : series.points) {
    if (!std::isfinite(value)) {
      has_before = false;
      continue;
    }
    const Dot dot = {static_cast<int>(std::lround((version - first) / (last - first) * (canvas.Width() - 1))),
                     static_cast<int>(std::lround((1 - y.Share(value)) * (Canvas::Height() - 1)))};
    canvas.DrawLine(has_before ? before : dot, dot);
    before = dot;
    has_before = true;
  }
}

// The newest, least and greatest value, behind the name.
std::string Heading(const MetricSeries& series, double low, double high) {
  const double last = series.points.back().second;
  const int64_t num_odd = std::count_if(series.points.begin(), series.points.end(),
                                        [](const auto& point) { return !std::isfinite(point.second); });
  std::string text = absl::StrCat(series.name, "  last ", Number(last));
  if (low <= high) absl::StrAppend(&text, "  least ", Number(low), "  greatest ", Number(high));
  if (num_odd > 0) absl::StrAppend(&text, "  not finite: ", num_odd, " of ", series.points.size());
  return text;
}

}  // namespace

std::string RenderTerminalPlot(const MetricSeries& series, int asked_columns) {
  const int columns = std::max(asked_columns, kLeastColumns);
  if (series.points.empty()) return absl::StrCat(common::Printable(series.name, columns - 13), "  no value yet\n");
  double low = INFINITY;
  double high = -INFINITY;
  for (const auto& [version, value] : series.points) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  std::string text = common::Printable(Heading(series, low, high), columns) + "\n";
  if (low > high) return text;
  const Range y = Widened(low, high);
  const std::string top = Number(y.high);
  const std::string bottom = Number(y.low);
  const int margin = static_cast<int>(std::max(top.size(), bottom.size()));
  Canvas canvas(columns - margin - 2);
  Draw(series, y, canvas);
  for (int row = 0; row < kRows; ++row) {
    const std::string label = row == 0 ? top : row == kRows - 1 ? bottom : "";
    absl::StrAppend(&text, std::string(margin - label.size(), ' '), label, label.empty() ? " \u2502" : " \u2524",
                    canvas.Row(row), "\n");
  }
  const std::string from = absl::StrFormat("%.0f", series.points.front().first);
  absl::StrAppend(&text, std::string(margin + 2, ' '), from);
  if (series.points.size() > 1) {
    const std::string to = absl::StrFormat("%.0f", series.points.back().first);
    const int gap = columns - margin - 2 - static_cast<int>(from.size() + to.size());
    absl::StrAppend(&text, std::string(std::max(gap, 1), ' '), to);
  }
  return text + "\n";
}

}  // namespace cohort::cli
