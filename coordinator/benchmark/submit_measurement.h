// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_BENCHMARK_SUBMIT_MEASUREMENT_H_
#define COHORT_COORDINATOR_BENCHMARK_SUBMIT_MEASUREMENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace cohort::coordinator {

// Durable job submits that arrive at 500/s, whatever becomes of the ones before: quantiles of the time from when a
// submit was due to its answer. Spec and dataset (100 rows) are checked; the model folder and the ground truths are
// not. Fails when a job is not in the store afterwards.
absl::StatusOr<nlohmann::json> MeasureSubmits(const std::string& folder, double seconds);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_BENCHMARK_SUBMIT_MEASUREMENT_H_
