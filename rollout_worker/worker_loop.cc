// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/worker_loop.h"

#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"

namespace cohort::rollout_worker {
namespace {

// How long the engine waits for work before it looks for a shutdown request again.
constexpr absl::Duration kIdleWait = absl::Milliseconds(50);
// At this many sampled groups generation waits for the verifiers.
constexpr int64_t kMaxUnscoredGroups = 256;

void RecordSequence(const Sequence& sequence, RolloutWorkerMetrics* metrics) {
  const auto num_tokens = static_cast<double>(sequence.token_ids.size());
  const double decode_seconds = absl::ToDoubleSeconds(sequence.last_token_time - sequence.first_token_time);
  metrics->completion_tokens.Observe(num_tokens);
  metrics->sequence_queue_seconds.Observe(absl::ToDoubleSeconds(sequence.join_time - sequence.arrival_time));
  metrics->sequence_prefill_seconds.Observe(absl::ToDoubleSeconds(sequence.first_token_time - sequence.join_time));
  metrics->sequence_decode_seconds.Observe(decode_seconds);
  if (num_tokens > 1) metrics->sequence_token_seconds.Observe(decode_seconds / (num_tokens - 1));
}

}  // namespace

WorkerLoop::WorkerLoop(const WorkerLoopOptions& options, const WorkerLoopDeps& deps,
                       std::unique_ptr<model::WeightSubscriber> subscriber)
    : options_(options),
      deps_(deps),
      condition_(deps.health),
      client_(options.coordinator),
      releaser_(options.worker.worker_id(), &client_, &leases_, deps.metrics),
      slots_(options.engine, options.device, deps.clock, std::move(subscriber), deps.metrics),
      heartbeat_(options.worker, &client_, &leases_, deps.metrics, deps.lines),
      submitter_(options.worker.worker_id(), &client_, &leases_, &releaser_, deps.metrics, &condition_),
      scorer_(options.worker.worker_id(), options.num_scoring_children, kMaxUnscoredGroups, deps.clock, deps.metrics,
              [this](const cohort::v1::GroupAssignment& assignment, absl::StatusOr<cohort::v1::RolloutGroup> scored) {
                TakeScored(assignment, std::move(scored));
              }),
      claimer_({.worker = options.worker, .num_scoring_children = options.num_scoring_children},
               {.client = &client_,
                .leases = &leases_,
                .releaser = &releaser_,
                .slots = &slots_,
                .clock = deps.clock,
                .zygote = deps.zygote,
                .metrics = deps.metrics,
                .condition = &condition_}) {}

WorkerLoop::~WorkerLoop() = default;

absl::Status WorkerLoop::Run() {
  const absl::Status status = RunUntilShutdown();
  Drain(status);
  return status;
}

absl::Status WorkerLoop::RunUntilShutdown() {
  while (!deps_.shutdown->IsRequested()) {
    // Without it every group would be sampled, given back unscored, and lost after its last attempt.
    COHORT_RETURN_IF_ERROR(deps_.zygote->CheckRunning());
    AddGroups(TakeReady());
    DropLostGroups();
    if (WaitForScorer()) COHORT_RETURN_IF_ERROR(StepEngines());
    ReportLoad();
    COHORT_RETURN_IF_ERROR(condition_.fatal());
  }
  return absl::OkStatus();
}

std::vector<ClaimedGroup> WorkerLoop::TakeReady() {
  if (!active_.empty()) return claimer_.Take(absl::ZeroDuration());
  const IdleReason reason = claimer_.idle_reason();
  const absl::Duration start = deps_.clock->Monotonic();
  std::vector<ClaimedGroup> ready = claimer_.Take(kIdleWait);
  deps_.metrics->AddIdleTime(reason, deps_.clock->Monotonic() - start);
  return ready;
}

bool WorkerLoop::WaitForScorer() {
  if (active_.empty() || scorer_.WaitForRoom(absl::ZeroDuration())) return true;
  const absl::Duration start = deps_.clock->Monotonic();
  const bool has_room = scorer_.WaitForRoom(kIdleWait);
  deps_.metrics->AddIdleTime(IdleReason::kScoring, deps_.clock->Monotonic() - start);
  return has_room;
}

// On a judging thread.
void WorkerLoop::TakeScored(const cohort::v1::GroupAssignment& assignment,
                            absl::StatusOr<cohort::v1::RolloutGroup> scored) {
  if (assignment.purpose() == cohort::v1::GROUP_PURPOSE_RESCORE) num_stored_sequences_ -= assignment.group_size();
  if (scored.ok()) {
    condition_.GroupScored();
    return submitter_.Add(assignment.lease(), *std::move(scored));
  }
  // A sandbox that does not run says nothing about the group.
  const bool is_sandbox = absl::IsUnavailable(scored.status());
  if (is_sandbox) {
    condition_.SandboxFailed(scored.status());
  } else {
    condition_.GroupFailed(scored.status());
  }
  log::Warning("scoring_failed", {{"job", assignment.job()},
                                  {"group", assignment.group_id()},
                                  {"trace_id", common::TraceIdOf(assignment.job(), "groups", assignment.group_id())},
                                  {"reason", scored.status()}});
  releaser_.Release({LeaseOf(assignment)}, is_sandbox ? "" : std::string(scored.status().message()));
}

void WorkerLoop::AddGroups(std::vector<ClaimedGroup> groups) {
  for (ClaimedGroup& group : groups) {
    const int64_t id = group.engine_group.id;
    const bool is_stored = group.slot == nullptr;
    if (!leases_.IsHeld(LeaseOf(group.assignment))) {
      if (!is_stored) slots_.Release(group.slot);
      continue;
    }
    if (is_stored) {
      JudgeStored(std::move(group));
      continue;
    }
    // A copy: the prompt's tokens are submitted with the group.
    const absl::Status added = group.slot->engine()->Add(group.engine_group);
    if (!added.ok()) {
      condition_.GroupFailed(added);
      releaser_.Release({LeaseOf(group.assignment)}, std::string(added.message()));
      slots_.Release(group.slot);
      continue;
    }
    if (std::find(active_slots_.begin(), active_slots_.end(), group.slot) == active_slots_.end()) {
      active_slots_.push_back(group.slot);
    }
    active_.emplace(id, std::move(group));
  }
}

void WorkerLoop::JudgeStored(ClaimedGroup group) {
  num_stored_sequences_ += group.assignment.group_size();
  UnscoredGroup unscored;
  unscored.assignment = std::move(group.assignment);
  unscored.job = std::move(group.job);
  unscored.stopwatch = std::move(group.stopwatch);
  scorer_.Add(std::move(unscored));
}

void WorkerLoop::DropLostGroups() {
  const int64_t num_lost = leases_.num_lost();
  if (num_lost == num_lost_seen_) return;
  num_lost_seen_ = num_lost;
  std::vector<int64_t> lost;
  for (const auto& [id, group] : active_) {
    if (!leases_.IsHeld(LeaseOf(group.assignment))) lost.push_back(id);
  }
  for (const int64_t id : lost) {
    const absl::Status dropped = active_.at(id).slot->engine()->Drop(id);
    if (!dropped.ok()) log::Error("drop_failed", {{"reason", dropped}});
    Forget(id);
  }
}

void WorkerLoop::Forget(int64_t id) {
  const auto group = active_.find(id);
  PolicySlot* slot = group->second.slot;
  active_.erase(group);
  if (!slot->engine()->HasWork()) {
    active_slots_.erase(std::remove(active_slots_.begin(), active_slots_.end(), slot), active_slots_.end());
  }
  // From here on the slot may change its version.
  slots_.Release(slot);
}

absl::Status WorkerLoop::StepEngines() {
  const std::vector<PolicySlot*> slots = active_slots_;
  for (PolicySlot* slot : slots) {
    Engine* engine = slot->engine();
    if (!engine->HasWork()) continue;
    const int64_t num_generated = engine->num_generated_tokens();
    const int64_t num_prefilled = engine->num_prefilled_tokens();
    const absl::Duration start = deps_.clock->Monotonic();
    COHORT_ASSIGN_OR_RETURN(std::vector<SampledGroup> finished, engine->Step());
    const double seconds = absl::ToDoubleSeconds(deps_.clock->Monotonic() - start);
    const int64_t num_tokens = engine->num_generated_tokens() - num_generated;
    num_generated_tokens_ += num_tokens;
    generation_seconds_ += seconds;
    deps_.metrics->generated_tokens.Increment(static_cast<double>(num_tokens));
    deps_.metrics->prefilled_tokens.Increment(static_cast<double>(engine->num_prefilled_tokens() - num_prefilled));
    deps_.metrics->generation_seconds.Increment(seconds);
    deps_.metrics->decode_steps.Increment();
    for (SampledGroup& sampled : finished) HandOver(std::move(sampled));
  }
  return absl::OkStatus();
}

void WorkerLoop::HandOver(SampledGroup sampled) {
  const int64_t id = sampled.id;
  ClaimedGroup& group = active_.at(id);
  if (!sampled.status.ok()) {
    const cohort::v1::GroupLease lease = LeaseOf(group.assignment);
    Forget(id);
    condition_.GroupFailed(sampled.status);
    return releaser_.Release({lease}, std::string(sampled.status.message()));
  }
  for (const Sequence& sequence : sampled.sequences) {
    const bool is_eos = sequence.finish_reason == cohort::v1::FINISH_REASON_EOS;
    deps_.metrics->Completions(group.assignment.job(), is_eos ? "eos" : "length").Increment();
    RecordSequence(sequence, deps_.metrics);
  }
  const auto num_prompt_tokens = static_cast<double>(group.engine_group.prompt_token_ids.size());
  deps_.metrics->prompt_tokens.Increment(num_prompt_tokens * static_cast<double>(sampled.sequences.size()));
  UnscoredGroup unscored;
  unscored.assignment = std::move(group.assignment);
  unscored.job = group.job;
  unscored.prompt_token_ids = std::move(group.engine_group.prompt_token_ids);
  unscored.stopwatch = std::move(group.stopwatch);
  const absl::Duration now = deps_.clock->Monotonic();
  unscored.stopwatch.Sampled(now - sampled.generation_time, now);
  unscored.sampled = std::move(sampled);
  unscored.weight_digest = group.slot->folder_digest();
  Forget(id);
  scorer_.Add(std::move(unscored));
}

void WorkerLoop::ReportLoad() {
  int64_t num_running = 0, num_waiting = 0, num_blocks = 0, num_free = 0;
  for (PolicySlot* slot : active_slots_) {
    num_running += slot->engine()->num_running();
    num_waiting += slot->engine()->num_waiting();
    num_blocks += slot->engine()->blocks().num_blocks();
    num_free += slot->engine()->blocks().num_free();
  }
  claimer_.SetSequences(num_running + num_waiting + num_stored_sequences_);
  heartbeat_.SetGenerated(num_generated_tokens_, generation_seconds_);
  deps_.metrics->running_sequences.Set(static_cast<double>(num_running));
  deps_.metrics->waiting_sequences.Set(static_cast<double>(num_waiting));
  deps_.metrics->kv_cache_used_ratio.Set(num_blocks == 0 ? 0 : 1 - static_cast<double>(num_free) / num_blocks);
}

void WorkerLoop::Drain(const absl::Status& status) {
  const absl::Duration deadline = deps_.clock->Monotonic() + options_.drain_grace;
  const auto grace = [&] { return std::max(deadline - deps_.clock->Monotonic(), absl::ZeroDuration()); };
  condition_.Drain();
  claimer_.Stop();
  std::vector<cohort::v1::GroupLease> unfinished;
  for (const ClaimedGroup& group : claimer_.Take(absl::ZeroDuration())) unfinished.push_back(LeaseOf(group.assignment));
  for (const auto& [id, group] : active_) unfinished.push_back(LeaseOf(group.assignment));
  log::Info("draining", {{"released_groups", unfinished.size()}, {"reason", status.ok() ? "shutdown" : "error"}});
  const bool is_no_fault = status.ok() || absl::IsUnavailable(status);
  releaser_.Release(unfinished, is_no_fault ? "" : std::string(status.message()));
  active_.clear();
  active_slots_.clear();
  std::vector<cohort::v1::GroupLease> unscored;
  for (const cohort::v1::GroupAssignment& group : scorer_.Stop(grace(), [this] { deps_.zygote->Stop(); })) {
    unscored.push_back(LeaseOf(group));
  }
  releaser_.Release(unscored, "");
  submitter_.Stop(grace());
  releaser_.Release(leases_.List(), "");
}

}  // namespace cohort::rollout_worker
