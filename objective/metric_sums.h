// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_METRIC_SUMS_H_
#define COHORT_OBJECTIVE_METRIC_SUMS_H_

#include <map>
#include <string>
#include <vector>

namespace cohort::objective {

// "sum_*" and "count_*" add up over microbatches and ranks, "min_*" and "max_*" are extremes. Names and meaning:
// docs/objectives.md.
using MetricSums = std::map<std::string, double>;

// Every name that an objective may report, whatever its spec. A name that is absent from a MetricSums contributes
// nothing.
const std::vector<std::string>& MetricNames();

// Adds `values` to `totals` by the rule of each name.
void AddMetrics(const MetricSums& values, MetricSums* totals);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_METRIC_SUMS_H_
