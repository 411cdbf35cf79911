// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_DEMAND_H_
#define COHORT_COORDINATOR_JOB_DEMAND_H_

#include <cstdint>
#include <string>

#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// What the queue must know of a job that has not ended. A snapshot; plain record.
struct JobDemand {
  std::string job;         // resource name
  std::string name_space;  // its second part
  int64_t sequence = 0;    // order of creation
  cohort::v1::JobState state = cohort::v1::JOB_STATE_UNSPECIFIED;
  int32_t priority = 0;
  int32_t world_size = 0;  // learner ranks; 0 for EVAL and RESCORE jobs
  int32_t min_workers = 0;
  int32_t max_workers = 0;  // 0: no limit
  cohort::v1::DeviceRequirement rank;
  cohort::v1::DeviceRequirement worker;
  double device_seconds = 0;  // used so far
  bool holds_ranks = false;   // a gang is assigned, stopping ones included
  bool is_stopping = false;   // its ranks were asked to stop
  bool may_start = false;     // QUEUED or PREEMPTED, and nothing of its own keeps it from starting
  bool is_reading = false;    // it could start, and its data are being read
};

// EVAL and RESCORE jobs have none.
inline bool NeedsRanks(const cohort::v1::JobSpec& spec) { return !spec.has_eval() && !spec.has_rescore(); }

// Job.state_reason of a job that waits in the queue.
inline const char* WhyQueued(const cohort::v1::JobSpec& spec) {
  return NeedsRanks(spec) ? "waits for learner ranks" : "waits for its turn";
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_DEMAND_H_
