// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_SIMULATION_H_
#define COHORT_COORDINATOR_SIMULATION_SIMULATION_H_

#include <string>

#include "coordinator/simulation/schedule.h"
#include "coordinator/simulation/simulation_result.h"

namespace cohort::coordinator {

// Runs one job on the real coordinator with simulated workers, ranks, network, clock and disk. Faults come as the
// schedule says; then everything works, the job must end, the machine loses power once more, and the ledger is checked:
//
// - every training group was trained in exactly one plan, or dropped with a reason that holds for it;
// - no plan has a group of a version that its schedule does not allow, or groups in another order than it says;
// - plans were the same for all ranks and incarnations, and in the store before anybody had them;
// - what was acknowledged (job, groups with their payload, versions, checkpoints, events) is there after every start;
// - a group was accepted once, under a lease that was held, and no garbage was;
// - the job went from state to state as job_lifecycle.h says;
// - the final digest is what the stored plans give, and these are what the stored payload says; under fixed_lag it is
//   that of an undisturbed run, unless groups were given up.
//
// A function of the schedule. `data_root` holds problems.jsonl and held_out.jsonl (WriteSimulationData).
SimulationResult RunSimulation(const Schedule& schedule, const std::string& data_root);

// The datasets of all schedules.
void WriteSimulationData(const std::string& data_root);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_SIMULATION_H_
