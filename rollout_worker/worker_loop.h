// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_WORKER_LOOP_H_
#define COHORT_ROLLOUT_WORKER_WORKER_LOOP_H_

#include <grpcpp/channel.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"
#include "common/clock.h"
#include "common/shutdown.h"
#include "common/telemetry/health.h"
#include "common/telemetry/recent_lines.h"
#include "model/weight_sync/weight_subscriber.h"
#include "reward/sandbox/zygote.h"
#include "rollout_worker/coordinator_client.h"
#include "rollout_worker/group_claimer.h"
#include "rollout_worker/group_submitter.h"
#include "rollout_worker/held_leases.h"
#include "rollout_worker/lease_heartbeat.h"
#include "rollout_worker/lease_releaser.h"
#include "rollout_worker/policy_slots.h"
#include "rollout_worker/rollout_worker_metrics.h"
#include "rollout_worker/scorer.h"
#include "rollout_worker/worker_condition.h"

namespace cohort::rollout_worker {

struct WorkerLoopOptions {
  cohort::v1::WorkerDescription worker;  // max_sequences is the engine's
  std::shared_ptr<grpc::Channel> coordinator;
  EngineOptions engine;
  at::Device device = at::kCPU;
  int num_scoring_children = 2;
  // After a shutdown request, sampled groups are scored and submitted for up to this long together; then judgements and
  // calls under way are ended.
  absl::Duration drain_grace = absl::Seconds(10);
};

// What the loop works with; everything must outlive it.
struct WorkerLoopDeps {
  const common::Shutdown* shutdown;
  common::Clock* clock;
  reward::Zygote* zygote;
  RolloutWorkerMetrics* metrics;
  common::Health* health;
  log::RecentLines* lines = nullptr;  // for the coordinator; null: none
};

// Claims groups, samples (unless their completions exist), scores and submits them until shutdown is requested. The
// calling thread is the engine's; claims, judgements, submits and heartbeats have threads of their own, so that the
// engine never waits for them while there is something to sample. Not thread-safe.
class WorkerLoop final {
 public:
  WorkerLoop(const WorkerLoopOptions& options, const WorkerLoopDeps& deps,
             std::unique_ptr<model::WeightSubscriber> subscriber);
  ~WorkerLoop();

  // Returns OK after a drain: no more claims, unfinished groups released, sampled ones submitted. An error is one that
  // a fresh process may mend: of the engine (out of memory, say), or of the sandbox; the groups have been released.
  absl::Status Run();

 private:
  absl::Status RunUntilShutdown();
  // Groups that can be sampled; waits for one while nothing is being sampled.
  std::vector<ClaimedGroup> TakeReady();
  // Whether the scorer has room, after waiting for it if there is something to sample.
  bool WaitForScorer();
  void TakeScored(const cohort::v1::GroupAssignment& assignment, absl::StatusOr<cohort::v1::RolloutGroup> scored);
  void AddGroups(std::vector<ClaimedGroup> groups);
  void JudgeStored(ClaimedGroup group);
  void DropLostGroups();
  absl::Status StepEngines();
  void HandOver(SampledGroup sampled);
  void Forget(int64_t id);
  void ReportLoad();
  void Drain(const absl::Status& status);

  const WorkerLoopOptions options_;
  const WorkerLoopDeps deps_;
  WorkerCondition condition_;
  CoordinatorClient client_;
  HeldLeases leases_;
  LeaseReleaser releaser_;
  PolicySlots slots_;
  std::unordered_map<int64_t, ClaimedGroup> active_;  // in an engine
  std::vector<PolicySlot*> active_slots_;             // with work; at most two
  int64_t num_lost_seen_ = 0;
  std::atomic<int64_t> num_stored_sequences_ = 0;  // with the scorer, of groups that were not sampled here
  int64_t num_generated_tokens_ = 0;
  double generation_seconds_ = 0;
  // Threads; made in this order, ended by Drain in the order of the flow.
  LeaseHeartbeat heartbeat_;
  GroupSubmitter submitter_;
  Scorer scorer_;
  GroupClaimer claimer_;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_WORKER_LOOP_H_
