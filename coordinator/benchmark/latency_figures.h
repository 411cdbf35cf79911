// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_BENCHMARK_LATENCY_FIGURES_H_
#define COHORT_COORDINATOR_BENCHMARK_LATENCY_FIGURES_H_

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/time/time.h"

namespace cohort::coordinator {

// Latencies of a run and their quantiles. Not thread-safe.
class LatencyFigures final {
 public:
  void Add(absl::Duration latency) { milliseconds_.push_back(absl::ToDoubleMilliseconds(latency)); }
  void Add(const LatencyFigures& other) {
    milliseconds_.insert(milliseconds_.end(), other.milliseconds_.begin(), other.milliseconds_.end());
  }
  // The smallest latency that a `share` of all does not exceed, in milliseconds; 0 without any.
  double Quantile(double share) const {
    if (milliseconds_.empty()) return 0;
    std::vector<double> sorted = milliseconds_;
    std::sort(sorted.begin(), sorted.end());
    const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
    return sorted[std::max<size_t>(rank, 1) - 1];
  }

 private:
  std::vector<double> milliseconds_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_BENCHMARK_LATENCY_FIGURES_H_
