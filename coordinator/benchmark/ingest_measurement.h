// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_BENCHMARK_INGEST_MEASUREMENT_H_
#define COHORT_COORDINATOR_BENCHMARK_INGEST_MEASUREMENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace cohort::coordinator {

// Scored groups of 8 rollouts of 8 KiB, submitted by 16 senders and durable when acknowledged, alternating with the
// same messages sent to a service that throws them away and with the same bytes written to a file with fdatasync. Fails
// when a group was refused, or is not in the store afterwards. The figures are rollouts and bytes per second of every
// round.
absl::StatusOr<nlohmann::json> MeasureIngest(const std::string& folder, int num_rounds);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_BENCHMARK_INGEST_MEASUREMENT_H_
