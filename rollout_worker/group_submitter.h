// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_GROUP_SUBMITTER_H_
#define COHORT_ROLLOUT_WORKER_GROUP_SUBMITTER_H_

// Torch-free.
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"
#include "rollout_worker/coordinator_client.h"
#include "rollout_worker/held_leases.h"
#include "rollout_worker/lease_releaser.h"
#include "rollout_worker/rollout_worker_metrics.h"
#include "rollout_worker/worker_condition.h"

namespace cohort::rollout_worker {

// Submits scored groups on a thread of its own: at once when idle, what has come meanwhile, up to 8 MiB, otherwise.
// While the coordinator is away or cannot store them (its disk is full, say) the same groups are sent again; it takes a
// group once. Of groups that it stored only in part, the rest is sent again. A group that the coordinator refuses is
// released with its reason. The queue is bounded by the groups that the worker holds leases for. Thread-safe; the
// pointers must outlive it.
class GroupSubmitter final {
 public:
  GroupSubmitter(std::string_view worker_id, CoordinatorClient* client, HeldLeases* leases, LeaseReleaser* releaser,
                 RolloutWorkerMetrics* metrics, WorkerCondition* condition);
  // Stop must have been called.
  ~GroupSubmitter();

  void Add(const cohort::v1::LeaseToken& lease, cohort::v1::RolloutGroup group) ABSL_LOCKS_EXCLUDED(mutex_);
  // Submits what is queued for up to `grace`, then ends the submit under way and the thread.
  void Stop(absl::Duration grace) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Batch = std::vector<cohort::v1::SubmitGroupsRequest>;

  void Run();
  Batch TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SubmitUntilAnswered(Batch batch);
  // What is to be submitted again, and then why.
  Batch TakeReceipts(Batch batch, const cohort::v1::SubmitGroupsResponse& response, absl::Status* trouble);
  void GiveUp(const Batch& batch, const absl::Status& status);
  bool HasGroupOrStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return is_stopped_ || !queue_.empty(); }
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return queue_.empty() && !is_submitting_; }
  bool IsStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return is_stopped_; }

  const std::string worker_id_;
  CoordinatorClient* const client_;
  HeldLeases* const leases_;
  LeaseReleaser* const releaser_;
  RolloutWorkerMetrics* const metrics_;
  WorkerCondition* const condition_;
  absl::Mutex mutex_;
  std::deque<cohort::v1::SubmitGroupsRequest> queue_ ABSL_GUARDED_BY(mutex_);
  bool is_submitting_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: uses the rest
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_GROUP_SUBMITTER_H_
