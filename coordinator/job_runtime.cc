// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_runtime.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/utf8.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxReasonBytes = 1000;

}  // namespace

JobRuntime::JobRuntime(const CoordinatorContext* context, std::unique_ptr<JobLedger> ledger)
    : context_(context),
      sequence_(ledger->record().sequence),
      is_sft_(ledger->spec().has_sft()),
      ledger_(std::move(ledger)),
      recorder_(context, ledger_.get()) {}

std::unique_ptr<JobRuntime> JobRuntime::Load(const CoordinatorContext* context, JobRecord record,
                                             const std::vector<cohort::v1::JobEvent>& events) {
  auto ledger = JobLedger::Load(std::move(record), events, context->checkpoint_root, context->store, context->clock,
                                context->events_signal);
  std::unique_ptr<JobRuntime> runtime(new JobRuntime(context, std::move(ledger)));
  absl::MutexLock lock(&runtime->mutex_);
  runtime->queued_reason_ = "the coordinator restarted; waits for ranks";
  if (!runtime->is_sft_) runtime->recorder_.CatchUp();
  runtime->Advance();
  return runtime;
}

JobRecord JobRuntime::Snapshot() const {
  absl::MutexLock lock(&mutex_);
  return ledger_->record();
}

bool JobRuntime::IsOver() const {
  absl::MutexLock lock(&mutex_);
  return HasEnded(ledger_->job().state()) && !handout_.HasGang();
}

WaitState JobRuntime::Waiting() const {
  absl::MutexLock lock(&mutex_);
  return {.progress = progress_, .waits_for = Describe()};
}

absl::Status JobRuntime::Cancel() {
  absl::MutexLock lock(&mutex_);
  const cohort::v1::JobState state = ledger_->job().state();
  if (HasEnded(state) || state == cohort::v1::JOB_STATE_CANCELLING) return absl::OkStatus();
  if (state == cohort::v1::JOB_STATE_QUEUED) {
    return SetState(cohort::v1::JOB_STATE_CANCELLED, "cancelled by request");
  }
  return SetState(cohort::v1::JOB_STATE_CANCELLING, "cancelled by request; ranks finish the update in progress");
}

absl::StatusOr<GangStart> JobRuntime::StartGang() {
  absl::MutexLock lock(&mutex_);
  if (ledger_->job().state() != cohort::v1::JOB_STATE_QUEUED) {
    return absl::FailedPreconditionError(absl::StrCat("job is not queued (", ledger_->name(), ")"));
  }
  const absl::Status activated = Activate();
  if (!activated.ok()) {
    const std::string reason = absl::StrCat("cannot start: ", activated.message());
    if (IsFaultOfJob(activated)) {
      Fail(reason);
    } else {
      Postpone(reason);
    }
    return activated;
  }
  JobRecord next = ledger_->record();
  const bool is_first = next.incarnation == 0;
  ++next.incarnation;
  next.job.set_state(cohort::v1::JOB_STATE_RUNNING);
  next.job.clear_state_reason();
  JobChange change;
  if (is_first) change.groups = groups_->GroupsOfVersion(0);
  std::vector<GroupRecord> admitted = change.groups;
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  if (is_first) COHORT_RETURN_IF_ERROR(groups_->Admit(std::move(admitted)));
  GangStart start = ChooseResume(ledger_->record().incarnation);
  handout_.StartGang(start.incarnation, start.resume_version, ledger_->spec().training().world_size());
  stop_reason_.clear();
  last_step_ = context_->clock->Monotonic();
  log::Info("gang_formed", {{"job", ledger_->name()},
                            {"incarnation", start.incarnation},
                            {"resume_version", start.resume_version},
                            {"policy_version", ledger_->job().policy_version()}});
  Moved();
  return start;
}

void JobRuntime::LoseGang(int64_t incarnation, const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  if (handout_.incarnation() != incarnation) return;
  if (ledger_->job().state() == cohort::v1::JOB_STATE_RUNNING && !handout_.stop().has_value()) {
    context_->metrics->GangsLost(ledger_->name()).Increment();
  }
  handout_.EndGang();
  groups_->policies().Clear();
  queued_reason_ = absl::StrCat("waits for ranks: ", reason);
  Moved();
}

void JobRuntime::RequestStop(const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  if (!handout_.HasGang() || !stop_reason_.empty()) return;
  stop_reason_ = reason;
  Moved();
}

bool JobRuntime::IsStopped() const {
  absl::MutexLock lock(&mutex_);
  return HasStopped();
}

void JobRuntime::Tick() {
  absl::MutexLock lock(&mutex_);
  activation_ = absl::OkStatus();
  const bool has_ended = HasEnded(ledger_->job().state());
  if (groups_ != nullptr && !has_ended) {
    const int64_t num_leases = groups_->leases().size();
    groups_->ReleaseExpired();
    if (groups_->leases().size() != num_leases) Moved();
  }
  Advance();
  if (groups_ == nullptr) return;
  const std::pair<const char*, GroupState> states[] = {{"waiting", GroupState::kWaiting},
                                                       {"in_flight", GroupState::kInFlight},
                                                       {"scored", GroupState::kScored},
                                                       {"planned", GroupState::kPlanned}};
  for (const auto& [state, number] : states) {
    const auto count = has_ended ? 0 : static_cast<double>(groups_->buffer().NumInState(number));
    context_->metrics->GroupsInState(ledger_->name(), state).Set(count);
  }
}

absl::Status JobRuntime::Activate() {
  if (groups_ != nullptr) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(JobData data,
                          OpenJobData(ledger_->spec(), context_->data_root, ledger_->record().model_path));
  COHORT_RETURN_IF_ERROR(CheckUnchanged(data, ledger_->spec(), ledger_->record().data_digest));
  auto shared = std::make_unique<JobData>(std::move(data));
  COHORT_ASSIGN_OR_RETURN(auto groups, JobGroups::Load(context_, ledger_.get(), shared.get()));
  COHORT_ASSIGN_OR_RETURN(const auto versions, context_->store->ListVersions(ledger_->name()));
  for (const VersionRecord& version : versions) versions_[version.version] = version;
  const auto plan = context_->store->GetPlan(ledger_->name(), ledger_->job().policy_version());
  if (plan.ok()) plan_ = *plan;
  if (!plan.ok() && !absl::IsNotFound(plan.status())) return plan.status();
  data_ = std::move(shared);
  groups_ = std::move(groups);
  return absl::OkStatus();
}

GangStart JobRuntime::ChooseResume(int64_t incarnation) const {
  GangStart start{.incarnation = incarnation};
  // Versions that unscored groups need are published again on the way from the checkpoint to the newest version.
  const int64_t needed = groups_->OldestNeededVersion(ledger_->job().policy_version());
  for (const auto& [version, record] : versions_) {
    std::error_code error;
    const bool is_usable = version <= needed && !record.checkpoint_path.empty() &&
                           std::filesystem::is_directory(record.checkpoint_path, error);
    if (!is_usable) continue;
    start.resume_checkpoint = record.checkpoint_path;
    start.resume_version = version;
  }
  return start;
}

void JobRuntime::Postpone(const std::string& reason) {
  const std::string text = common::Printable(reason, kMaxReasonBytes);
  if (ledger_->job().state_reason() == text) return;
  if (queued_reason_ != text) log::Error("job_postponed", {{"job", ledger_->name()}, {"reason", text}});
  queued_reason_ = text;
  NoteBlocked(SetState(cohort::v1::JOB_STATE_QUEUED, text));
}

absl::Status JobRuntime::SetState(cohort::v1::JobState state, const std::string& reason) {
  JobRecord next = ledger_->record();
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
}

void JobRuntime::Moved() {
  ++progress_;
  Advance();
  context_->groups_signal->Notify();
  context_->plans_signal->Notify();
}

bool JobRuntime::IsSealed(int64_t version) const {
  const auto it = versions_.find(version);
  return it != versions_.end() && !it->second.checkpoint_path.empty();
}

bool JobRuntime::HasStopped() const {
  if (!handout_.HasGang()) return true;
  if (!handout_.AllToldToStop()) return false;
  const cohort::v1::StepPlan& stop = *handout_.stop();
  return !stop.seal_checkpoint() || IsSealed(stop.version());
}

}  // namespace cohort::coordinator
