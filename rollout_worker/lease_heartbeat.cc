// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/lease_heartbeat.h"

#include <algorithm>

#include "common/telemetry/line_report.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"

namespace cohort::rollout_worker {

LeaseHeartbeat::LeaseHeartbeat(const cohort::v1::WorkerDescription& worker, CoordinatorClient* client,
                               HeldLeases* leases, RolloutWorkerMetrics* metrics, log::RecentLines* lines)
    : worker_(worker), client_(client), leases_(leases), metrics_(metrics), lines_(lines), thread_([this] { Run(); }) {}

LeaseHeartbeat::~LeaseHeartbeat() {
  {
    absl::MutexLock lock(&mutex_);
    is_stopped_ = true;
  }
  client_->CancelHeartbeats();
  thread_.join();
}

void LeaseHeartbeat::SetGenerated(int64_t num_tokens, double seconds) {
  absl::MutexLock lock(&mutex_);
  num_generated_tokens_ = num_tokens;
  generation_seconds_ = seconds;
}

void LeaseHeartbeat::Run() {
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      const absl::Duration interval = std::clamp(leases_->duration() / 3, absl::Milliseconds(10), absl::Seconds(5));
      if (mutex_.AwaitWithTimeout(absl::Condition(this, &LeaseHeartbeat::IsStopped), interval)) return;
    }
    Beat();
  }
}

void LeaseHeartbeat::Beat() {
  cohort::v1::WorkerHeartbeatRequest request;
  *request.mutable_worker() = worker_;
  for (cohort::v1::GroupLease& lease : leases_->List()) request.add_leases()->Swap(&lease);
  {
    absl::MutexLock lock(&mutex_);
    request.set_generated_tokens(num_generated_tokens_);
    request.set_generation_seconds(generation_seconds_);
  }
  const int64_t last_line = lines_ == nullptr ? 0 : log::FillReport(*lines_, request.mutable_log());
  // Waiting longer for one answer than a lease lasts would lose the leases.
  const absl::Duration timeout = std::clamp(leases_->duration(), absl::Seconds(2), absl::Seconds(10));
  const absl::StatusOr<cohort::v1::WorkerHeartbeatResponse> response = client_->Heartbeat(request, timeout);
  if (!response.ok()) {
    // The claiming thread says so and registers again; leases that ran out meanwhile come back as lost.
    metrics_->coordinator_errors.Increment();
    log::Debug("heartbeat_failed", {{"reason", response.status()}});
    return;
  }
  if (last_line > 0) lines_->RemoveThrough(last_line);
  for (const cohort::v1::GroupLease& lost : response->lost()) {
    if (!leases_->Lose(lost)) continue;
    metrics_->Groups(lost.job(), "lost").Increment();
    log::Warning("lease_lost", {{"job", lost.job()},
                                {"group", lost.group_id()},
                                {"trace_id", common::TraceIdOf(lost.job(), "groups", lost.group_id())}});
  }
}

}  // namespace cohort::rollout_worker
