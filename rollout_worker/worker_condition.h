// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_WORKER_CONDITION_H_
#define COHORT_ROLLOUT_WORKER_WORKER_CONDITION_H_

// Torch-free.
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/telemetry/health.h"
#include "rollout_worker/backoff.h"

namespace cohort::rollout_worker {

// Whether this worker can do its work, as its threads see it, and so what /readyz says: draining comes first, then an
// absent coordinator, then groups that it does not take, then groups that fail here, then that the coordinator has set
// this worker aside. A worker whose groups fail claims one at a time, after pauses that double up to 10 s, until one
// succeeds: it must not burn the attempts of groups that others could sample. Thread-safe; `health` must outlive it.
class WorkerCondition final {
 public:
  explicit WorkerCondition(common::Health* health) : health_(health) {}

  // To a claim. `set_aside` says why this worker gets no groups at present; empty when it would get some.
  void CoordinatorAnswered(std::string_view set_aside) ABSL_LOCKS_EXCLUDED(mutex_);
  void CoordinatorFailed(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether the coordinator takes scored groups: it may answer claims and have no room to store a group.
  void SubmitAnswered() ABSL_LOCKS_EXCLUDED(mutex_);
  void SubmitFailed(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  // The coordinator had no group for a whole idle poll: nothing fails any more.
  void FoundNoWork() ABSL_LOCKS_EXCLUDED(mutex_);
  // A group could be neither sampled nor scored here, for a reason that may hold for others too.
  void GroupFailed(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  // The sandbox did not run: after six such failures in a row `fatal` says so.
  void SandboxFailed(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  void GroupScored() ABSL_LOCKS_EXCLUDED(mutex_);
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

  // How long to wait before the next claim; one pause for all that failed since the last call.
  absl::Duration TakePause() ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsFailing() const ABSL_LOCKS_EXCLUDED(mutex_);
  // What only a fresh process can mend; OK if there is no such thing.
  absl::Status fatal() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Report() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  common::Health* const health_;
  mutable absl::Mutex mutex_;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_heard_ ABSL_GUARDED_BY(mutex_) = false;  // of the coordinator
  // What is wrong with each; empty: nothing.
  std::string coordinator_ ABSL_GUARDED_BY(mutex_);
  std::string submits_ ABSL_GUARDED_BY(mutex_);
  std::string groups_ ABSL_GUARDED_BY(mutex_);
  std::string set_aside_ ABSL_GUARDED_BY(mutex_);
  bool owes_pause_ ABSL_GUARDED_BY(mutex_) = false;
  Backoff backoff_ ABSL_GUARDED_BY(mutex_){absl::Seconds(10)};
  int num_sandbox_failures_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status fatal_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_WORKER_CONDITION_H_
