// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_LEASE_HEARTBEAT_H_
#define COHORT_ROLLOUT_WORKER_LEASE_HEARTBEAT_H_

// Torch-free.
#include <cstdint>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"
#include "common/telemetry/recent_lines.h"
#include "rollout_worker/coordinator_client.h"
#include "rollout_worker/held_leases.h"
#include "rollout_worker/rollout_worker_metrics.h"

namespace cohort::rollout_worker {

// Renews the held leases three times per lease duration on a thread of its own, and notes which of them are lost. Takes
// along what the process has logged about jobs. Thread-safe; the pointers must outlive it.
class LeaseHeartbeat final {
 public:
  // Null `lines`: there are none to take along.
  LeaseHeartbeat(const cohort::v1::WorkerDescription& worker, CoordinatorClient* client, HeldLeases* leases,
                 RolloutWorkerMetrics* metrics, log::RecentLines* lines);
  ~LeaseHeartbeat();

  // What the next heartbeat reports, since the worker started.
  void SetGenerated(int64_t num_tokens, double seconds) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  void Beat();
  bool IsStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return is_stopped_; }

  const cohort::v1::WorkerDescription worker_;
  CoordinatorClient* const client_;
  HeldLeases* const leases_;
  RolloutWorkerMetrics* const metrics_;
  log::RecentLines* const lines_;
  absl::Mutex mutex_;
  int64_t num_generated_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  double generation_seconds_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: uses the rest
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_LEASE_HEARTBEAT_H_
