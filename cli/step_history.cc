// SPDX-License-Identifier: Apache-2.0
#include "cli/step_history.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <set>

namespace cohort::cli {
namespace {

using Point = std::pair<double, double>;

bool IsLower(const Point& a, const Point& b) { return a.second < b.second; }

}  // namespace

const std::vector<std::string>& UsualMetrics() {
  static const auto* const metrics =
      new std::vector<std::string>{"loss",  "reward_mean",   "accuracy",         "completion_tokens_mean",
                                   "kl_k3", "gradient_norm", "mismatch_max_abs", "step_seconds"};
  return *metrics;
}

absl::StatusOr<cohort::v1::ListStepsResponse> ListAllSteps(JobClient& client, cohort::v1::ListStepsRequest request) {
  cohort::v1::ListStepsResponse all;
  do {
    auto page = client.ListSteps(request);
    if (!page.ok()) return page.status();
    all.mutable_steps()->MergeFrom(page->steps());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::Status FollowSteps(JobClient& client, const std::string& job, int64_t after_version,
                         const std::function<void(const cohort::v1::StepRecord&)>& on_step) {
  return client.Watch(job, 0, kPatience, [&](const cohort::v1::JobEvent& event) {
    if (!event.has_step() || event.step().policy_version() <= after_version) return true;
    after_version = event.step().policy_version();
    cohort::v1::StepRecord record;
    *record.mutable_time() = event.time();
    *record.mutable_step() = event.step();
    on_step(record);
    return true;
  });
}

std::vector<MetricSeries> SeriesOf(const cohort::v1::ListStepsResponse& steps, const std::vector<std::string>& names) {
  std::vector<MetricSeries> all;
  for (const std::string& name : names) {
    MetricSeries series{.name = name, .points = {}};
    for (const auto& record : steps.steps()) {
      const auto found = record.step().metrics().find(name);
      if (found == record.step().metrics().end()) continue;
      series.points.emplace_back(static_cast<double>(record.step().policy_version()), found->second);
    }
    all.push_back(std::move(series));
  }
  return all;
}

MetricSeries Smoothed(const MetricSeries& series, int window) {
  MetricSeries smooth{.name = series.name, .points = {}};
  std::deque<double> recent;
  for (const auto& [version, value] : series.points) {
    recent.push_back(value);
    if (recent.size() > static_cast<size_t>(window)) recent.pop_front();
    double sum = 0;
    int count = 0;
    for (const double one : recent) {
      if (!std::isfinite(one)) continue;
      sum += one;
      ++count;
    }
    smooth.points.emplace_back(version, count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN());
  }
  return smooth;
}

MetricSeries Thinned(const MetricSeries& series, int num_columns) {
  std::vector<Point> finite;
  for (const Point& point : series.points) {
    if (std::isfinite(point.second)) finite.push_back(point);
  }
  MetricSeries thin{.name = series.name, .points = {}};
  const size_t columns = static_cast<size_t>(num_columns);
  if (finite.size() <= 4 * columns) {
    thin.points = std::move(finite);
    return thin;
  }
  for (size_t column = 0; column < columns; ++column) {
    const auto first = finite.begin() + static_cast<std::ptrdiff_t>(column * finite.size() / columns);
    const auto end = finite.begin() + static_cast<std::ptrdiff_t>((column + 1) * finite.size() / columns);
    const auto [least, greatest] = std::minmax_element(first, end, IsLower);
    for (const auto& kept : std::set{first, least, greatest, end - 1}) thin.points.push_back(*kept);
  }
  return thin;
}

}  // namespace cohort::cli
