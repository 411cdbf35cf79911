// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_LEDGER_CHECK_H_
#define COHORT_COORDINATOR_SIMULATION_LEDGER_CHECK_H_

#include <string>

#include "coordinator/job_store.h"
#include "coordinator/simulation/simulation_result.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {

// Reads the ledger of a job that has ended into `result` and adds what is wrong with it to the violations. Its ranks
// had digests for weights (testing/weights_digest.h); its retention releases no payload.
void CheckLedger(JobStore* store, const rollout_log::RolloutLog* log, const std::string& job, SimulationResult* result);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_LEDGER_CHECK_H_
