// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_SIMULATION_RESULT_H_
#define COHORT_COORDINATOR_SIMULATION_SIMULATION_RESULT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// What came of a simulated run.
struct SimulationResult {
  // What was promised and did not hold, one sentence each; empty: all is well.
  std::vector<std::string> violations;
  cohort::v1::Job job;
  std::string final_digest;
  // Groups that were left out, of training and evaluation; and of these, those given up because attempts failed.
  int64_t num_dropped = 0;
  int64_t num_errored = 0;
  // Calls of the first coordinator process that changed its disk.
  int64_t num_first_disk_calls = 0;
  int64_t num_starts = 0;
  int64_t num_refused_submits = 0;
  absl::Duration duration;  // simulated
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_SIMULATION_RESULT_H_
