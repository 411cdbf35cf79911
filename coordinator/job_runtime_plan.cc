// SPDX-License-Identifier: Apache-2.0
// The plan of the next train step: which groups it takes, which are dropped, what is sampled instead.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/job_runtime.h"
#include "coordinator/rollout_schedule.h"
#include "coordinator/step_planner.h"

namespace cohort::coordinator {
namespace {

// A checkpoint of a large model is written for many steps. One that never comes is asked for again after so many.
constexpr int64_t kPlansBetweenForcedSeals = 16;

// Dropped ones included. By arrival a group belongs to a step when it is planned or dropped: the candidates are added.
absl::StatusOr<int64_t> NumSampledGroups(JobStore* store, const JobLedger& ledger, int64_t step) {
  const cohort::v1::RolloutSpec& rollout = ledger.spec().rlvr().rollout();
  COHORT_ASSIGN_OR_RETURN(const int64_t count, store->CountTrainingGroups(ledger.name(), step));
  return IsPlannedByArrival(rollout) ? count + rollout.groups_per_step() : count;
}

}  // namespace

absl::Status JobRuntime::MakePlan() {
  if (ledger_->spec().has_rlvr()) {
    COHORT_RETURN_IF_ERROR(CheckErrored());
    // Nothing follows from a job that has failed.
    if (!failure_.empty()) return absl::OkStatus();
    COHORT_RETURN_IF_ERROR(TurnOverGroups());
  }
  // Not before: a write replaces the record.
  const cohort::v1::JobSpec& spec = ledger_->spec();
  const int64_t version = ledger_->job().policy_version();
  const bool is_held_back = groups_->evaluation() != nullptr || !stop_reason_.empty() || !failure_.empty();
  if (plan_.has_value() || IsLastVersion() || is_held_back) return absl::OkStatus();
  if (spec.has_sft()) {
    const int64_t per_step = spec.sft().sequences_per_step();
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < per_step; ++i) rows.push_back(data_->cursor->PromptAt(version * per_step + i).row);
    return StorePlan(PlanDemonstrationStep(version, rows, ShouldSeal()), ledger_->record(), {});
  }
  const bool is_by_arrival = IsPlannedByArrival(spec.rlvr().rollout());
  const int64_t per_step = spec.rlvr().rollout().groups_per_step();
  auto groups = is_by_arrival ? groups_->buffer().FirstArrived(per_step) : groups_->ScoredGroupsOfStep(version);
  const bool is_complete = groups.has_value() && (!is_by_arrival || static_cast<int64_t>(groups->size()) == per_step);
  if (!is_complete) return absl::OkStatus();
  StepSnapshot snapshot = {
      .version = version,
      .groups = *std::move(groups),
      .max_no_verdict_share = spec.rlvr().reward().max_no_verdict_share(),
      .seal_checkpoint = ShouldSeal(),
      .shape = {.world_size = spec.training().world_size(), .updates_per_step = spec.training().updates_per_step()}};
  if (spec.objective().dynamic_sampling().enabled()) {
    COHORT_ASSIGN_OR_RETURN(snapshot.num_sampled_groups, NumSampledGroups(context_->store, *ledger_, version));
    snapshot.credit = &spec.objective().advantage();
    for (const auto& verifier : spec.rlvr().reward().verifiers())
      snapshot.verifier_weights.push_back(verifier.weight());
    snapshot.groups_per_step = per_step;
    snapshot.max_sampled_groups = MaxGroupsOfStep(spec);
  }
  auto step = PlanRolloutStep(snapshot);
  if (!step.ok()) {
    Fail(std::string(step.status().message()));
    return absl::OkStatus();
  }
  return TakeStep(*std::move(step));
}

absl::Status JobRuntime::TakeStep(PlannedStep step) {
  const int64_t version = ledger_->job().policy_version();
  JobRecord next = ledger_->record();
  JobChange change;
  std::map<std::string, int64_t> num_dropped;
  const auto take = [&](int64_t group_id, GroupState state) {
    GroupRecord& group = change.groups.emplace_back(*groups_->buffer().Find(group_id));
    group.state = state;
    group.step = version;
  };
  for (const DroppedGroup& dropped : step.dropped) {
    take(dropped.group_id, GroupState::kDropped);
    change.groups.back().drop_reason = dropped.reason;
    ++num_dropped[dropped.cause == DropCause::kNoVerdict ? "no_verdict" : "zero_signal"];
  }
  for (const auto& [cause, count] : num_dropped) (*next.job.mutable_dropped_groups())[cause] += count;
  if (step.num_missing_groups > 0) {
    COHORT_RETURN_IF_ERROR(SampleFurther(version, step.num_missing_groups, std::move(next), std::move(change)));
  } else {
    for (const cohort::v1::PlannedGroup& planned : step.plan.groups()) take(planned.group_id(), GroupState::kPlanned);
    COHORT_RETURN_IF_ERROR(StorePlan(std::move(step.plan), std::move(next), std::move(change)));
  }
  for (const auto& [cause, count] : num_dropped) {
    context_->metrics->GroupsDropped(ledger_->name(), cause).Increment(static_cast<double>(count));
  }
  return absl::OkStatus();
}

absl::Status JobRuntime::SampleFurther(int64_t step, int64_t count, JobRecord next, JobChange change) {
  const std::vector<GroupRecord> dropped = change.groups;
  std::vector<GroupRecord> admitted;
  // By arrival the free slots do it.
  if (!IsPlannedByArrival(ledger_->spec().rlvr().rollout())) admitted = groups_->ReplacementGroups(step, count);
  change.groups.insert(change.groups.end(), admitted.begin(), admitted.end());
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  for (const GroupRecord& group : dropped) COHORT_RETURN_IF_ERROR(groups_->buffer().Drop(group.group_id));
  COHORT_RETURN_IF_ERROR(groups_->Admit(std::move(admitted)));
  Moved();
  return absl::OkStatus();
}

absl::Status JobRuntime::StorePlan(cohort::v1::StepPlan plan, JobRecord next, JobChange change) {
  change.plan = plan;
  const std::vector<GroupRecord> groups = change.groups;
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  for (const GroupRecord& group : groups) {
    const bool is_planned = group.state == GroupState::kPlanned;
    COHORT_RETURN_IF_ERROR(is_planned ? groups_->buffer().SetPlanned(group.group_id, group.step)
                                      : groups_->buffer().Drop(group.group_id));
    if (is_planned) retention_.AddPlanned(group);
  }
  if (plan.seal_checkpoint()) asked_seal_ = plan.version();
  plan_ = std::move(plan);
  planned_at_ = context_->clock->Monotonic();
  ++progress_;
  // What is planned makes others too old for the plan after it.
  return is_sft_ ? absl::OkStatus() : TurnOverGroups();
}

absl::Status JobRuntime::TurnOverGroups() {
  if (!IsPlannedByArrival(ledger_->spec().rlvr().rollout())) return absl::OkStatus();
  const std::vector<GroupRecord> stale = groups_->StaleGroups();
  std::vector<GroupRecord> admitted;
  if (stop_reason_.empty()) admitted = groups_->GroupsForFreeSlots(static_cast<int64_t>(stale.size()));
  if (stale.empty() && admitted.empty()) return absl::OkStatus();
  JobRecord next = ledger_->record();
  JobChange change;
  change.groups = stale;
  change.groups.insert(change.groups.end(), admitted.begin(), admitted.end());
  if (!stale.empty()) (*next.job.mutable_dropped_groups())["stale"] += static_cast<int64_t>(stale.size());
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  COHORT_RETURN_IF_ERROR(groups_->Drop(stale, "stale"));
  COHORT_RETURN_IF_ERROR(groups_->Admit(std::move(admitted)));
  ++progress_;
  context_->groups_signal->Notify();
  return absl::OkStatus();
}

absl::Status JobRuntime::CheckErrored() {
  const cohort::v1::RolloutSpec& rollout = ledger_->spec().rlvr().rollout();
  const int64_t step = groups_->NextStep();
  const int64_t num_errored = groups_->NumErrored(step);
  const double max_share = MaxErroredShare(rollout);
  // A step has at least groups_per_step.
  if (static_cast<double>(num_errored) <= max_share * rollout.groups_per_step()) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(const int64_t num_sampled, NumSampledGroups(context_->store, *ledger_, step));
  const absl::Status bearable = CheckErroredShare(step, num_errored, num_sampled, max_share);
  if (!bearable.ok()) Fail(std::string(bearable.message()));
  return absl::OkStatus();
}

bool JobRuntime::ShouldSeal() {
  const int64_t version = ledger_->job().policy_version();
  const int64_t every = ledger_->spec().checkpoint().every_steps();
  const int64_t next_version = version + 1;
  if (next_version == ledger_->spec().training().num_steps()) return true;
  if (every > 0 && next_version % every == 0) return true;
  if (!retention_.IsTooMuchSince(versions_.NewestSealed())) return false;
  // One that a plan has asked for may still be being written.
  const int64_t oldest = std::max(versions_.NewestSealed(), version - kPlansBetweenForcedSeals);
  if (!asked_seal_.has_value()) {
    const auto asked = NewestAskedSeal();
    if (asked.ok()) asked_seal_ = *asked;
  }
  // A checkpoint too many rather than none while the plans cannot be read; they are looked at again.
  if (asked_seal_.value_or(-1) >= oldest) return false;
  log::Info("checkpoint_forced", {{"job", ledger_->name()}, {"version", next_version}});
  return true;
}

absl::StatusOr<int64_t> JobRuntime::NewestAskedSeal() const {
  const int64_t version = ledger_->job().policy_version();
  for (int64_t asked = version - 1; asked >= 0 && asked >= version - kPlansBetweenForcedSeals; --asked) {
    const auto plan = context_->store->GetPlan(ledger_->name(), asked);
    if (!plan.ok() && !absl::IsNotFound(plan.status())) return plan.status();
    if (plan.ok() && plan->seal_checkpoint()) return asked;
  }
  return -1;
}

}  // namespace cohort::coordinator
