// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_BENCHMARK_SCALE_MEASUREMENT_H_
#define COHORT_COORDINATOR_BENCHMARK_SCALE_MEASUREMENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace cohort::coordinator {

// A job of a million problems with 100,000 open groups, all leased: memory that it takes per problem beyond the mapped
// dataset, and how long a coordinator that starts again needs until it serves: until the first lease was renewed, and
// until a rank has joined, published, and a further group could be claimed.
absl::StatusOr<nlohmann::json> MeasureScale(const std::string& folder);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_BENCHMARK_SCALE_MEASUREMENT_H_
