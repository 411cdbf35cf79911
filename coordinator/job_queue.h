// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_QUEUE_H_
#define COHORT_COORDINATOR_JOB_QUEUE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "coordinator/device_match.h"
#include "coordinator/job_demand.h"
#include "coordinator/queue_ranks.h"

namespace cohort::coordinator {

// Everything that the decision depends on.
struct QueueSnapshot {
  std::vector<JobDemand> jobs;  // that have not ended
  std::vector<QueueLearner> learners;
  std::vector<DeviceOffer> workers;              // registered rollout workers
  std::map<std::string, double> device_seconds;  // used lately, by namespace
  int64_t max_ranks_per_namespace = 0;           // 0: no limit
  // Jobs that had ranks and could not start. They may take what is free, but keep nothing from others and pre-empt
  // nobody.
  std::set<std::string> doubtful;
};

// A job that starts, and its ranks: as many as it asked for, of one kind of device.
struct QueueStart {
  std::string job;
  std::vector<std::string> learners;
};

// A running job that makes room.
struct QueuePreemption {
  std::string victim;
  std::string by;
};

// A job that waits, and why: "3 of 4 matching ranks". Empty when the job itself knows.
struct QueuedJob {
  std::string job;
  std::string reason;
};

struct QueueDecision {
  std::vector<QueueStart> starts;
  std::vector<QueuePreemption> preemptions;
  std::vector<QueuedJob> queue;      // in order
  std::vector<std::string> running;  // in the order in which workers are theirs, those that start included
};

// Who starts, who makes room and who waits: docs/service.md, "Who is served first". Pure: equal snapshots give equal
// decisions.
QueueDecision DecideQueue(const QueueSnapshot& snapshot);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_QUEUE_H_
