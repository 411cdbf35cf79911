// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_COORDINATOR_CONTEXT_H_
#define COHORT_COORDINATOR_COORDINATOR_CONTEXT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "common/clock.h"
#include "coordinator/change_signal.h"
#include "coordinator/coordinator_metrics.h"
#include "coordinator/job_store.h"
#include "coordinator/worker_registry.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {

// What every part of a running coordinator shares. The pointed-to objects are thread-safe and outlive all users.
struct CoordinatorContext {
  JobStore* store = nullptr;
  rollout_log::RolloutLog* log = nullptr;
  common::Clock* clock = nullptr;
  CoordinatorMetrics* metrics = nullptr;
  WorkerRegistry* workers = nullptr;
  ChangeSignal* groups_signal = nullptr;  // a group may be claimable
  ChangeSignal* plans_signal = nullptr;   // a plan may be ready, a gang may form
  ChangeSignal* events_signal = nullptr;  // a job has a new event
  int64_t epoch = 0;
  absl::Duration lease_duration;
  // Absolute folders.
  std::string data_root;
  std::string model_root;
  std::string checkpoint_root;
  std::string rollout_log_directory;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_COORDINATOR_CONTEXT_H_
