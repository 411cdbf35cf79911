// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_STEP_HISTORY_H_
#define COHORT_CLI_STEP_HISTORY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/job_client.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// The few of the many metrics of docs/operations/step_metrics.md that are shown when nobody asked for some.
const std::vector<std::string>& UsualMetrics();

// Every page of a list, oldest step first.
absl::StatusOr<cohort::v1::ListStepsResponse> ListAllSteps(JobClient& client, cohort::v1::ListStepsRequest request);

// Calls `on_step` with every step of the job above `after_version`, those of the past first, until the job has ended.
// Errors of JobClient::Watch.
absl::Status FollowSteps(JobClient& client, const std::string& job, int64_t after_version,
                         const std::function<void(const cohort::v1::StepRecord&)>& on_step);

// One metric over the steps that have it: (policy version, value) in order; values need not be finite.
struct MetricSeries {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

// One series per name, in this order; without points where no step has the metric.
std::vector<MetricSeries> SeriesOf(const cohort::v1::ListStepsResponse& steps, const std::vector<std::string>& names);

// Every value replaced by the mean of the finite ones of the last `window` >= 1 points up to it; NaN where none is.
MetricSeries Smoothed(const MetricSeries& series, int window);

// At most four points of each of `num_columns` runs of neighbours, its first, least, greatest and last: what a picture
// of so many columns shows. Points that are not finite are left out.
MetricSeries Thinned(const MetricSeries& series, int num_columns);

}  // namespace cohort::cli

#endif  // COHORT_CLI_STEP_HISTORY_H_
