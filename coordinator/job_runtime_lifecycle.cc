// SPDX-License-Identifier: Apache-2.0
// What moves a job from one state to another, other than its own work.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/utf8.h"
#include "coordinator/job_conditions.h"
#include "coordinator/job_demand.h"
#include "coordinator/job_runtime.h"
#include "coordinator/job_view.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxReasonBytes = 1000;

}  // namespace

absl::Status JobRuntime::Pause(const std::string& reason, std::string_view etag) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckEtag(ledger_->job(), etag));
  const cohort::v1::JobState state = ledger_->job().state();
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::JobState next, AfterRequest(state, JobRequest::kPause));
  return next == state ? absl::OkStatus() : SetState(next, reason);
}

absl::Status JobRuntime::Resume(std::string_view etag) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckEtag(ledger_->job(), etag));
  const cohort::v1::JobState state = ledger_->job().state();
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::JobState next, AfterRequest(state, JobRequest::kResume));
  if (next == state) return absl::OkStatus();
  // Without ranks, one whose pause could not be stored to its end: nobody has stopped.
  const bool is_stopping = next == cohort::v1::JOB_STATE_RUNNING && handout_.HasGang();
  ChargeUse();
  JobRecord record = ledger_->record();
  record.job.set_state(next);
  record.job.set_state_reason(is_stopping ? "resumed while its ranks were stopping; they join again"
                                          : absl::StrCat("resumed; ", WhyQueued(record.job.spec())));
  ClearCondition(&record.job, cohort::v1::JobCondition::BUDGET_SPENT);
  *record.job.mutable_use_at_resume() = ledger_->meter().use();
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(record), {}));
  stop_cause_ = is_stopping ? StopCause::kRestart : StopCause::kNone;
  stop_reason_ = is_stopping ? ledger_->job().state_reason() : "";
  queued_reason_ = ledger_->job().state_reason();
  Moved();
  return absl::OkStatus();
}

absl::Status JobRuntime::Cancel(std::string_view etag) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckEtag(ledger_->job(), etag));
  const cohort::v1::JobState state = ledger_->job().state();
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::JobState next, AfterRequest(state, JobRequest::kCancel));
  return next == state ? absl::OkStatus() : SetState(next, "cancelled by request");
}

absl::Status JobRuntime::Preempt(const std::string& by) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(AfterRequest(ledger_->job().state(), JobRequest::kPreempt).status());
  if (!handout_.HasGang()) return absl::FailedPreconditionError("the job holds no ranks");
  if (stop_cause_ == StopCause::kPreemption || IsStopping(ledger_->job().state())) return absl::OkStatus();
  stop_cause_ = StopCause::kPreemption;
  stop_reason_ = absl::StrCat("makes room for ", by);
  log::Info("job_preempted", {{"job", ledger_->name()}, {"by", by}});
  Moved();
  return absl::OkStatus();
}

void JobRuntime::RequestStop(const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  StopGang(reason);
}

absl::Status JobRuntime::RequestStop(int64_t incarnation, const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckGang(incarnation));
  StopGang(reason);
  return absl::OkStatus();
}

void JobRuntime::StopGang(const std::string& reason) {
  if (!handout_.HasGang() || !stop_reason_.empty()) return;
  stop_reason_ = reason;
  stop_cause_ = StopCause::kRestart;
  Moved();
}

absl::Status JobRuntime::Abandon(int64_t incarnation, const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckGang(incarnation));
  Fail(reason);
  Moved();
  return absl::OkStatus();
}

std::optional<LostGang> JobRuntime::TakeOverdueStop() {
  absl::MutexLock lock(&mutex_);
  if (!handout_.stop().has_value()) return std::nullopt;
  if (context_->clock->Monotonic() - stop_pinned_at_ < context_->stop_limit) return std::nullopt;
  stop_shortfall_ = absl::StrCat("the stop took longer than ", absl::FormatDuration(context_->stop_limit),
                                 ", waiting for ", HasStopped() ? "ranks to leave" : Describe().text);
  return LostGang{.job = name_, .incarnation = handout_.incarnation(), .reason = stop_shortfall_};
}

bool JobRuntime::IsStopped() const {
  absl::MutexLock lock(&mutex_);
  return HasStopped();
}

void JobRuntime::ChargeUse() {
  const auto num_workers = groups_ == nullptr ? 0 : static_cast<int64_t>(groups_->leases().LeasesByWorker().size());
  const HeldResources held = {.num_ranks = handout_.HasGang() ? ledger_->spec().training().world_size() : 0,
                              .num_workers = num_workers,
                              .is_running = ledger_->job().state() == cohort::v1::JOB_STATE_RUNNING};
  ledger_->meter().Charge(held, context_->clock->Monotonic());
}

void JobRuntime::PauseIfBudgetIsSpent() {
  const cohort::v1::Job& job = ledger_->job();
  if (job.state() != cohort::v1::JOB_STATE_RUNNING || !failure_.empty()) return;
  const auto spent = SpentBudget(job.spec().budget(), ledger_->meter().use(), job.use_at_resume());
  if (!spent.has_value()) return;
  JobRecord next = ledger_->record();
  next.job.set_state(cohort::v1::JOB_STATE_PAUSING);
  next.job.set_state_reason(*spent);
  SetCondition(&next.job, cohort::v1::JobCondition::BUDGET_SPENT, *spent, context_->clock->Now());
  const absl::Status stored = ledger_->Write(std::move(next), {});
  NoteBlocked(stored);
  if (stored.ok()) Moved();
}

absl::Status JobRuntime::SetState(cohort::v1::JobState state, const std::string& reason) {
  JobRecord next = ledger_->record();
  ChargeUse();
  next.job.set_state(state);
  // What comes from outside must not make a job that cannot be sent or read again.
  next.job.set_state_reason(common::Printable(reason, kMaxReasonBytes));
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), {}));
  Moved();
  return absl::OkStatus();
}

void JobRuntime::Fail(const std::string& reason) {
  if (HasEnded(ledger_->job().state())) return;
  if (failure_.empty()) failure_ = common::Printable(reason, kMaxReasonBytes);
  NoteBlocked(SetState(cohort::v1::JOB_STATE_FAILED, failure_));
  NoteStanding();
}

absl::Status JobRuntime::SettleStop() {
  const cohort::v1::JobState state = ledger_->job().state();
  const bool is_preempted = stop_cause_ == StopCause::kPreemption;
  // A job that goes on with other ranks waits for its own to be gone, so that workers keep what they hold.
  // A job without ranks is served from its start in this process on.
  const bool is_served = NeedsRanks(ledger_->spec()) ? handout_.HasGang() : has_started_without_ranks_;
  const bool has_stopped = IsStopping(state) || is_preempted ? HasStopped() : !is_served;
  const cohort::v1::JobState next = has_stopped ? AfterStop(state, stop_cause_) : state;
  if (next == state || !failure_.empty()) return absl::OkStatus();
  if (!IsStopping(state) && !is_preempted) return SetState(next, queued_reason_);
  const std::string& asked = IsStopping(state) ? ledger_->job().state_reason() : stop_reason_;
  return SetState(next, stop_shortfall_.empty() ? asked : absl::StrCat(asked, "; ", stop_shortfall_));
}

bool JobRuntime::HasStopped() const {
  if (!handout_.HasGang()) return true;
  if (!handout_.AllToldToStop()) return false;
  const cohort::v1::StepPlan& stop = *handout_.stop();
  return !stop.seal_checkpoint() || IsSealed(stop.version());
}

}  // namespace cohort::coordinator
