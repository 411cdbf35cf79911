// SPDX-License-Identifier: Apache-2.0
// What a job does by itself when its state allows: finish an evaluation, make a plan, end.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/job_runtime.h"
#include "coordinator/sample_completion.h"
#include "coordinator/step_planner.h"

namespace cohort::coordinator {
namespace {

// For people: an evaluation does not wait for a sample that cannot be read.
void AddSamples(const rollout_log::RolloutLog& rollouts, const Dataset& problems,
                const std::vector<rollout_log::RecordLocation>& locations, cohort::v1::EvaluationReport* report) {
  for (const auto& location : locations) {
    const auto group = rollouts.Read(location);
    const auto problem =
        group.ok() ? problems.ReadProblem(group->problem_id()) : absl::StatusOr<cohort::v1::Problem>(group.status());
    if (problem.ok()) {
      *report->add_samples() = MakeSample(*problem, *group);
    } else {
      log::Warning("sample_unreadable", {{"run", report->result().run()}, {"error", problem.status()}});
    }
  }
}

}  // namespace

void JobRuntime::Abandon(const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  Fail(reason);
  Moved();
}

void JobRuntime::Advance() {
  absl::Status status = Settle();
  for (const auto step : {&JobRuntime::FinishEvaluation, &JobRuntime::MakePlan, &JobRuntime::FinishJob}) {
    // Each may end the job.
    const bool is_running =
        ledger_->job().state() == cohort::v1::JOB_STATE_RUNNING && groups_ != nullptr && failure_.empty();
    if (is_running && status.ok()) status = (this->*step)();
  }
  NoteBlocked(status);
  PinStopIfDue();
}

absl::Status JobRuntime::Settle() {
  const cohort::v1::JobState state = ledger_->job().state();
  if (HasEnded(state)) return absl::OkStatus();
  if (!failure_.empty()) return SetState(cohort::v1::JOB_STATE_FAILED, failure_);
  if (state == cohort::v1::JOB_STATE_CANCELLING && HasStopped()) {
    return SetState(cohort::v1::JOB_STATE_CANCELLED, "cancelled by request");
  }
  if (state == cohort::v1::JOB_STATE_RUNNING && !handout_.HasGang()) {
    return SetState(cohort::v1::JOB_STATE_QUEUED, queued_reason_);
  }
  return absl::OkStatus();
}

void JobRuntime::NoteBlocked(const absl::Status& status) {
  const std::string text(status.message());
  if (!status.ok() && blocked_ != text) log::Error("job_blocked", {{"job", ledger_->name()}, {"error", status}});
  blocked_ = text;
}

absl::Status JobRuntime::FinishEvaluation() {
  const EvaluationTracker* evaluation = groups_->evaluation();
  if (evaluation == nullptr || !evaluation->IsFinished()) return absl::OkStatus();
  JobRecord next = ledger_->record();
  JobChange change;
  next.job.clear_evaluations();
  for (const cohort::v1::EvaluationResult& result : evaluation->Results()) {
    cohort::v1::EvaluationReport& report = *change.events.emplace_back().mutable_evaluation();
    *report.mutable_result() = result;
    *next.job.add_evaluations() = result;
    AddSamples(*context_->log, *data_->evaluation, evaluation->SampleLocations(result.run()), &report);
    log::Info("evaluation", {{"job", ledger_->name()},
                             {"run", result.run()},
                             {"policy_version", result.policy_version()},
                             {"accuracy", result.accuracy()},
                             {"mean_reward", result.mean_reward()},
                             {"no_verdict", result.num_no_verdict()}});
  }
  for (const int64_t id : evaluation->scored_ids()) {
    GroupRecord& group = change.groups.emplace_back(*groups_->buffer().Find(id));
    group.state = GroupState::kEvaluated;
  }
  const absl::Status judged = evaluation->CheckVerdicts(ledger_->spec().evaluation().reward().max_no_verdict_share());
  if (!judged.ok()) {
    next.job.set_state(cohort::v1::JOB_STATE_FAILED);
    next.job.set_state_reason(std::string(judged.message()));
  }
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  groups_->EndEvaluation();
  Moved();
  return absl::OkStatus();
}

absl::Status JobRuntime::MakePlan() {
  const int64_t version = ledger_->job().policy_version();
  if (plan_.has_value() || IsLastVersion() || groups_->evaluation() != nullptr || !stop_reason_.empty()) {
    return absl::OkStatus();
  }
  const cohort::v1::JobSpec& spec = ledger_->spec();
  const int64_t every = spec.checkpoint().every_steps();
  const int64_t next_version = version + 1;
  const bool seal = next_version == spec.training().num_steps() || (every > 0 && next_version % every == 0);
  if (spec.has_sft()) {
    const int64_t per_step = spec.sft().sequences_per_step();
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < per_step; ++i) rows.push_back(data_->cursor->PromptAt(version * per_step + i).row);
    return StorePlan(PlanDemonstrationStep(version, rows, seal), ledger_->record(), {});
  }
  auto groups = groups_->ScoredGroupsOfStep(version);
  if (!groups.has_value()) return absl::OkStatus();
  StepSnapshot snapshot = {.version = version,
                           .groups = *std::move(groups),
                           .max_no_verdict_share = spec.rlvr().reward().max_no_verdict_share(),
                           .seal_checkpoint = seal};
  if (spec.objective().dynamic_sampling().enabled()) {
    COHORT_ASSIGN_OR_RETURN(snapshot.num_sampled_groups,
                            context_->store->CountTrainingGroups(ledger_->name(), version));
    snapshot.credit = &spec.objective().advantage();
    for (const auto& verifier : spec.rlvr().reward().verifiers())
      snapshot.verifier_weights.push_back(verifier.weight());
    snapshot.groups_per_step = spec.rlvr().rollout().groups_per_step();
    snapshot.max_sampled_groups = MaxGroupsOfStep(spec);
  }
  auto step = PlanRolloutStep(snapshot);
  if (!step.ok()) {
    Fail(std::string(step.status().message()));
    return absl::OkStatus();
  }
  JobRecord next = ledger_->record();
  JobChange change;
  std::map<std::string, int64_t> num_dropped;
  for (const DroppedGroup& dropped : step->dropped) {
    change.groups.push_back(*groups_->buffer().Find(dropped.group_id));
    change.groups.back().state = GroupState::kDropped;
    change.groups.back().drop_reason = dropped.reason;
    ++num_dropped[dropped.cause == DropCause::kNoVerdict ? "no_verdict" : "zero_signal"];
  }
  for (const auto& [cause, count] : num_dropped) (*next.job.mutable_dropped_groups())[cause] += count;
  if (step->num_missing_groups > 0) {
    COHORT_RETURN_IF_ERROR(SampleFurther(version, step->num_missing_groups, std::move(next), std::move(change)));
  } else {
    for (const cohort::v1::PlannedGroup& planned : step->plan.groups()) {
      change.groups.push_back(*groups_->buffer().Find(planned.group_id()));
      change.groups.back().state = GroupState::kPlanned;
    }
    COHORT_RETURN_IF_ERROR(StorePlan(std::move(step->plan), std::move(next), std::move(change)));
  }
  for (const auto& [cause, count] : num_dropped) {
    context_->metrics->GroupsDropped(ledger_->name(), cause).Increment(static_cast<double>(count));
  }
  return absl::OkStatus();
}

absl::Status JobRuntime::SampleFurther(int64_t step, int64_t count, JobRecord next, JobChange change) {
  const std::vector<GroupRecord> dropped = change.groups;
  std::vector<GroupRecord> admitted = groups_->ReplacementGroups(step, count);
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
    COHORT_RETURN_IF_ERROR(is_planned ? groups_->buffer().SetPlanned(group.group_id)
                                      : groups_->buffer().Drop(group.group_id));
  }
  plan_ = std::move(plan);
  ++progress_;
  return absl::OkStatus();
}

absl::Status JobRuntime::FinishJob() {
  if (!IsLastVersion() || groups_->evaluation() != nullptr || !IsSealed(ledger_->job().policy_version())) {
    return absl::OkStatus();
  }
  const cohort::v1::EvaluationSpec& spec = ledger_->spec().evaluation();
  for (int i = 0; i < spec.runs_size(); ++i) {
    const cohort::v1::EvaluationResult& result = ledger_->job().evaluations(i);
    const double wanted = spec.runs(i).min_final_accuracy();
    if (result.accuracy() < wanted) {
      Fail(absl::StrCat("final evaluation ", result.run(), ": accuracy ", result.accuracy(),
                        " is below min_final_accuracy (", wanted, ")"));
      return absl::OkStatus();
    }
    if (spec.runs(i).has_min_final_reward() && result.mean_reward() < spec.runs(i).min_final_reward()) {
      Fail(absl::StrCat("final evaluation ", result.run(), ": mean reward ", result.mean_reward(),
                        " is below min_final_reward (", spec.runs(i).min_final_reward(), ")"));
      return absl::OkStatus();
    }
  }
  return SetState(cohort::v1::JOB_STATE_SUCCEEDED, "");
}

bool JobRuntime::IsLastVersion() const {
  return ledger_->job().policy_version() == ledger_->spec().training().num_steps();
}

std::string JobRuntime::Describe() const {
  const cohort::v1::JobState state = ledger_->job().state();
  if (!blocked_.empty()) return blocked_;
  if (HasEnded(state)) return "ranks to leave";
  if (state == cohort::v1::JOB_STATE_QUEUED) {
    const std::string& reason = ledger_->job().state_reason();
    if (absl::StartsWith(reason, "cannot start: ")) return reason;
    return absl::StrCat(ledger_->spec().training().world_size(), " learner ranks to join");
  }
  const int64_t version = ledger_->job().policy_version();
  if (handout_.stop().has_value()) return absl::StrCat("ranks to stop at version ", handout_.stop()->version());
  if (handout_.next_version() < version) {
    return absl::StrCat("ranks to replay from version ", handout_.next_version(), " to ", version);
  }
  const GroupBuffer& buffer = groups_->buffer();
  const int64_t num_waiting = buffer.NumInState(GroupState::kWaiting);
  const int64_t num_in_flight = buffer.NumInState(GroupState::kInFlight);
  if (plan_.has_value()) return absl::StrCat("ranks to commit version ", version + 1);
  if (num_waiting > 0 && groups_->policies().Find(version) == nullptr) {
    return absl::StrCat("rank 0 to publish version ", version);
  }
  if (num_in_flight > 0) {
    std::vector<std::string> workers;
    for (const auto& [worker, count] : groups_->leases().LeasesByWorker()) workers.push_back(worker);
    return absl::StrCat("rollout workers ", absl::StrJoin(workers, ","), " to score ", num_in_flight, " groups");
  }
  if (num_waiting > 0) {
    const std::string set_aside = context_->workers->DescribeSetAside();
    return absl::StrCat("rollout workers to claim ", num_waiting, " groups",
                        set_aside.empty() ? "" : "; set aside: ", set_aside);
  }
  if (IsLastVersion()) return absl::StrCat("rank 0 to seal the checkpoint of version ", version);
  return absl::StrCat("the plan of version ", version);
}

}  // namespace cohort::coordinator
