// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_SCHEDULE_H_
#define COHORT_COORDINATOR_SIMULATION_SCHEDULE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "cohort/v1/job.pb.h"
#include "common/testing/simulated_file_system.h"

namespace cohort::coordinator {

// What goes wrong in one simulated run, and how often. Rates are per mille. Everything that a run draws beyond this
// comes from `seed`. Plain record.
struct Schedule {
  uint64_t seed = 0;
  cohort::v1::JobSpec spec;
  int num_workers = 2;
  int num_learners = 1;
  // Faults come in this time; then everything works and the jobs must end.
  absl::Duration duration_of_faults;

  // Calls.
  int64_t lost_calls = 0;        // before the coordinator saw them, or their answers
  int64_t duplicated_calls = 0;  // served twice
  int64_t slow_calls = 0;        // take up to 15 s, and so overtake each other
  // Processes, drawn once a second for each.
  int64_t coordinator_deaths = 0;  // kill, power loss, or death within a write
  int64_t coordinator_stops = 0;   // stands still for up to three leases, as a suspended machine does
  int64_t worker_deaths = 0;
  int64_t worker_stops = 0;
  int64_t learner_deaths = 0;
  int64_t learner_stops = 0;
  // What workers send.
  int64_t garbage = 0;   // of submits
  int64_t releases = 0;  // of groups, with or without an error
  // The coordinator's disk.
  int64_t sync_errors = 0;          // of syncs
  int64_t full_disks = 0;           // drawn once a second; for some seconds
  int64_t damaged_checkpoints = 0;  // drawn at every seal
  // The wall clock is set by up to a day, drawn once a second.
  int64_t clock_changes = 0;
  // Somebody cancels the job, drawn once a second.
  int64_t cancels = 0;
  // Somebody pauses the job for some seconds, or another job takes its ranks; drawn once a second.
  int64_t pauses = 0;
  // The first coordinator process dies at this call that changes the disk; 0: at none.
  int64_t death_call = 0;
  common::SimulatedFileSystem::Moment death_moment = common::SimulatedFileSystem::Moment::kBefore;
};

// A function of the seed: a small job, and a mixture of faults that differs from seed to seed.
Schedule RandomSchedule(uint64_t seed);
// The same job without any fault.
Schedule UndisturbedSchedule(const cohort::v1::JobSpec& spec);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_SCHEDULE_H_
