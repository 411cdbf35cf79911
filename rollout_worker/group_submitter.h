// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_GROUP_SUBMITTER_H_
#define COHORT_ROLLOUT_WORKER_GROUP_SUBMITTER_H_

// Torch-free.
#include <deque>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"
#include "rollout_worker/backoff.h"
#include "rollout_worker/coordinator_client.h"
#include "rollout_worker/held_leases.h"
#include "rollout_worker/lease_releaser.h"
#include "rollout_worker/rollout_worker_metrics.h"
#include "rollout_worker/worker_condition.h"

namespace cohort::rollout_worker {

// Submits scored groups on a thread of its own: at once when idle, what has come meanwhile, up to 8 MiB, otherwise.
// While the coordinator is away the same groups are sent again; it takes a group once. Groups that it cannot store at
// present (the store of their job is in trouble, say) go back to the front of the queue and wait there, after pauses
// that double for each job, while those of other jobs pass them. A group that the coordinator refuses is released with
// its reason. The queue is bounded by the groups that the worker holds leases for. Thread-safe; the pointers must
// outlive it.
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
  // A job whose groups the coordinator cannot store now.
  struct Trouble {
    Backoff backoff;
    absl::Time pause_end;
  };

  void Run();
  // Waits for it; empty when stopped.
  Batch TakeBatch() ABSL_LOCKS_EXCLUDED(mutex_);
  // Out of the queue; empty where all jobs pause.
  Batch TakeDue(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SubmitUntilAnswered(Batch batch) ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeReceipts(Batch batch, const cohort::v1::SubmitGroupsResponse& response) ABSL_LOCKS_EXCLUDED(mutex_);
  // These are submitted again, for the reason that is given for each job; the other jobs of the answer are well.
  void PutBack(Batch again, const std::map<std::string, std::string>& troubles, const std::set<std::string>& answered)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void GiveUp(const Batch& batch, const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  // Of a group in the queue.
  bool IsDue(const cohort::v1::SubmitGroupsRequest& submit, absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasDueOrStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of the jobs of groups in the queue.
  absl::Time NextPauseEnd() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
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
  // By job; each has a group in the queue or in the batch that is being submitted.
  std::map<std::string, Trouble> troubles_ ABSL_GUARDED_BY(mutex_);
  bool is_submitting_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: uses the rest
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_GROUP_SUBMITTER_H_
