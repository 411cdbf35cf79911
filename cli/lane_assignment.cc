// SPDX-License-Identifier: Apache-2.0
#include "cli/lane_assignment.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <queue>
#include <tuple>
#include <utility>

namespace cohort::cli {

std::vector<int> AssignLanes(const std::vector<TimeInterval>& intervals) {
  std::vector<size_t> order(intervals.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tie(intervals[a].begin, intervals[a].end, a) < std::tie(intervals[b].begin, intervals[b].end, b);
  });
  std::vector<int> lanes(intervals.size(), 0);
  // Lanes in use by the end of what is in them, and those that are free, the lowest first.
  using Use = std::pair<absl::Time, int>;
  std::priority_queue<Use, std::vector<Use>, std::greater<Use>> used;
  std::priority_queue<int, std::vector<int>, std::greater<int>> free;
  int num_lanes = 0;
  for (const size_t i : order) {
    while (!used.empty() && used.top().first <= intervals[i].begin) {
      free.push(used.top().second);
      used.pop();
    }
    if (free.empty()) free.push(num_lanes++);
    lanes[i] = free.top();
    free.pop();
    used.emplace(intervals[i].end, lanes[i]);
  }
  return lanes;
}

std::vector<TimeInterval> GapsBetween(std::vector<TimeInterval> intervals) {
  std::sort(intervals.begin(), intervals.end(),
            [](const TimeInterval& a, const TimeInterval& b) { return a.begin < b.begin; });
  std::vector<TimeInterval> gaps;
  absl::Time end = absl::InfiniteFuture();
  for (const TimeInterval& interval : intervals) {
    if (end < interval.begin) gaps.push_back({end, interval.begin});
    end = end == absl::InfiniteFuture() ? interval.end : std::max(end, interval.end);
  }
  return gaps;
}

}  // namespace cohort::cli
