// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_GROUP_CLAIMER_H_
#define COHORT_ROLLOUT_WORKER_GROUP_CLAIMER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"
#include "common/clock.h"
#include "common/time_anchor.h"
#include "reward/sandbox/zygote.h"
#include "rollout_worker/coordinator_client.h"
#include "rollout_worker/group_stopwatch.h"
#include "rollout_worker/held_leases.h"
#include "rollout_worker/job_context.h"
#include "rollout_worker/lease_releaser.h"
#include "rollout_worker/policy_slots.h"
#include "rollout_worker/rollout_worker_metrics.h"
#include "rollout_worker/worker_condition.h"

namespace cohort::rollout_worker {

// A group that can be sampled at once: leased, tokenized, its version verified. Or one whose completions exist and can
// be judged at once (GROUP_PURPOSE_RESCORE): without slot and engine group.
struct ClaimedGroup {
  cohort::v1::GroupAssignment assignment;
  std::shared_ptr<const JobContext> job;
  PolicySlot* slot = nullptr;  // one user of it
  EngineGroup engine_group;
  GroupStopwatch stopwatch;
};

struct GroupClaimerOptions {
  cohort::v1::WorkerDescription worker;
  int num_scoring_children = 2;
};

// What the claimer works with; everything must outlive it.
struct GroupClaimerDeps {
  CoordinatorClient* client;
  HeldLeases* leases;
  LeaseReleaser* releaser;
  PolicySlots* slots;
  common::Clock* clock;
  reward::Zygote* zygote;
  RolloutWorkerMetrics* metrics;
  WorkerCondition* condition;
};

// Claims groups on a thread of its own for as long as the engine has room, and makes them ready while the engine goes
// on. Groups that cannot be sampled are released. Thread-safe.
class GroupClaimer final {
 public:
  // Starts the thread.
  GroupClaimer(const GroupClaimerOptions& options, const GroupClaimerDeps& deps);
  // Stop must have been called.
  ~GroupClaimer();

  // Groups that are ready, after waiting up to `wait` for the first.
  std::vector<ClaimedGroup> Take(absl::Duration wait) ABSL_LOCKS_EXCLUDED(mutex_);
  // How many sequences are in the engine, or wait to be judged without it; more are claimed below max_sequences.
  void SetSequences(int64_t num_sequences) ABSL_LOCKS_EXCLUDED(mutex_);
  // Why nothing is ready, as of now.
  IdleReason idle_reason() const { return idle_reason_.load(std::memory_order_relaxed); }
  // Ends a claim under way and the thread. Groups that are ready can still be taken.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  // False when stopped.
  bool WaitFor(absl::Duration duration) ABSL_LOCKS_EXCLUDED(mutex_);
  // How many groups to claim now, once it is at least one and after a pause if groups failed; 0 when stopped.
  int32_t WaitForRoom(bool* is_engine_idle) ABSL_LOCKS_EXCLUDED(mutex_);
  int32_t NumGroupsWithRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasRoomOrStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasReady() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !ready_.empty(); }
  bool IsStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return is_stopped_; }

  absl::StatusOr<cohort::v1::ClaimGroupsResponse> Claim(int32_t num_groups, bool is_engine_idle);
  void Prepare(const cohort::v1::ClaimGroupsResponse& claimed);
  // A claimed group whose lease is held already, and what it is held for.
  void DropBoth(const cohort::v1::GroupLease& lease);
  // Groups of one job and version, to be sampled, that were claimed at `claimed`.
  void PrepareTogether(const std::vector<const cohort::v1::GroupAssignment*>& groups,
                       const cohort::v1::WeightSource* source, const common::TimeAnchor& claimed);
  // Groups of one job, to be judged only.
  void PrepareStored(const std::vector<const cohort::v1::GroupAssignment*>& groups, const common::TimeAnchor& claimed);
  void MakeReady(std::vector<ClaimedGroup> groups) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::shared_ptr<const JobContext>> FindJob(const std::string& job);
  absl::StatusOr<PolicySlot*> AcquireSlot(const cohort::v1::WeightSource& source, const JobContext& job,
                                          int64_t num_groups);
  void GiveBack(const std::vector<const cohort::v1::GroupAssignment*>& groups, const absl::Status& status);

  const GroupClaimerOptions options_;
  const GroupClaimerDeps deps_;
  std::deque<std::shared_ptr<const JobContext>> jobs_;  // of the thread; the one used last is at the back
  int64_t next_id_ = 1;                                 // of the thread
  std::atomic<IdleReason> idle_reason_ = IdleReason::kNoGroups;
  absl::Mutex mutex_;
  std::vector<ClaimedGroup> ready_ ABSL_GUARDED_BY(mutex_);
  int64_t num_ready_sequences_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t num_engine_sequences_ ABSL_GUARDED_BY(mutex_) = 0;
  int32_t largest_group_ ABSL_GUARDED_BY(mutex_) = 8;  // until a larger one has been seen
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: uses the rest
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_GROUP_CLAIMER_H_
