// SPDX-License-Identifier: Apache-2.0
// What a job does by itself when its state allows: finish an evaluation, end.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/job_demand.h"
#include "coordinator/job_runtime.h"
#include "coordinator/sample_completion.h"

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

void JobRuntime::Advance() {
  absl::Status status;
  const bool has_failed = !failure_.empty() && !HasEnded(ledger_->job().state());
  if (has_failed) status = SetState(cohort::v1::JOB_STATE_FAILED, failure_);
  for (const auto step : {&JobRuntime::FinishEvaluation, &JobRuntime::MakePlan, &JobRuntime::FinishJob}) {
    // Each may end the job. One that has nothing left to do ends rather than pauses.
    const cohort::v1::JobState state = ledger_->job().state();
    const bool is_wanted = state == cohort::v1::JOB_STATE_RUNNING ||
                           (state == cohort::v1::JOB_STATE_PAUSING && step == &JobRuntime::FinishJob);
    if (is_wanted && groups_ != nullptr && failure_.empty() && status.ok()) status = (this->*step)();
  }
  status.Update(SettleStop());
  if (groups_ != nullptr && !TakesGroups(ledger_->job().state())) groups_->EndLeases();
  NoteBlocked(status);
  PinStopIfDue();
  NoteStanding();
}

void JobRuntime::NoteBlocked(const absl::Status& status) {
  const bool is_news = vitals_.store().Note(status, context_->clock->Now());
  if (is_news) log::Error("job_blocked", {{"job", ledger_->name()}, {"error", status}});
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
    const cohort::v1::CheckpointSpec& checkpoint = ledger_->spec().checkpoint();
    if (checkpoint.keep_best() > 0 && result.run() == checkpoint.keep_best_by()) {
      cohort::v1::VersionAccuracy accuracy;
      accuracy.set_policy_version(result.policy_version());
      accuracy.set_accuracy(result.accuracy());
      AddVersion(accuracy, checkpoint.keep_best(), Sealed(), next.job.mutable_best_versions());
    }
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

absl::Status JobRuntime::FinishJob() {
  if (ledger_->spec().has_rescore()) return FinishRescore();
  const bool is_sealed = !NeedsRanks(ledger_->spec()) || IsSealed(ledger_->job().policy_version());
  if (!IsLastVersion() || groups_->evaluation() != nullptr || !is_sealed) return absl::OkStatus();
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

}  // namespace cohort::coordinator
