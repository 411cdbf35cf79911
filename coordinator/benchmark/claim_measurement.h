// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_BENCHMARK_CLAIM_MEASUREMENT_H_
#define COHORT_COORDINATOR_BENCHMARK_CLAIM_MEASUREMENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace cohort::coordinator {

// Leases handed out to 1,000 simulated workers on loopback, one, 16 and 64 at a time, alternating with an empty RPC and
// with claims of 64 that a server without a coordinator answers with groups it has ready, over as many channels. Fails
// when a group was leased twice or there were too few. The figures are a JSON object per kind of call: calls and leases
// per second of every round, processor time of both ends per call, quantiles of the latency.
absl::StatusOr<nlohmann::json> MeasureClaims(const std::string& folder, int num_rounds);

// 200 of 1,000 workers that hold leases fall silent while the others go on: when the last of their groups was leased
// again, counted from the moment its lease had run out, and that none was lost or handed out twice.
absl::StatusOr<nlohmann::json> MeasureFailureStorm(const std::string& folder);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_BENCHMARK_CLAIM_MEASUREMENT_H_
