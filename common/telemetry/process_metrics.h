// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_PROCESS_METRICS_H_
#define COHORT_COMMON_TELEMETRY_PROCESS_METRICS_H_

#include <string_view>
#include <vector>

#include "prometheus/metric_family.h"

namespace cohort::common {

// The process_* metrics every Prometheus client library has (prometheus-cpp gives none), read from /proc now, and
// cohort_build_info{component,version}. A value that /proc does not give is left out.
std::vector<prometheus::MetricFamily> CollectProcessMetrics(std::string_view component);

}  // namespace cohort::common

#endif  // COHORT_COMMON_TELEMETRY_PROCESS_METRICS_H_
