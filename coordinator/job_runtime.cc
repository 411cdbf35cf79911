// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_runtime.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/submitted_group.h"

namespace cohort::coordinator {

JobRuntime::JobRuntime(const CoordinatorContext* context, std::unique_ptr<JobLedger> ledger)
    : context_(context),
      sequence_(ledger->record().sequence),
      is_sft_(ledger->spec().has_sft()),
      ledger_(std::move(ledger)) {}

absl::StatusOr<std::unique_ptr<JobRuntime>> JobRuntime::Load(const CoordinatorContext* context, JobRecord record) {
  COHORT_ASSIGN_OR_RETURN(auto ledger, JobLedger::Load(std::move(record), context->checkpoint_root, context->store,
                                                       context->clock, context->events_signal));
  std::unique_ptr<JobRuntime> runtime(new JobRuntime(context, std::move(ledger)));
  absl::MutexLock lock(&runtime->mutex_);
  const cohort::v1::JobState state = runtime->ledger_->job().state();
  if (state == cohort::v1::JOB_STATE_RUNNING) {
    COHORT_RETURN_IF_ERROR(
        runtime->SetState(cohort::v1::JOB_STATE_QUEUED, "the coordinator restarted; waits for ranks"));
  }
  if (state == cohort::v1::JOB_STATE_CANCELLING) {
    COHORT_RETURN_IF_ERROR(runtime->SetState(cohort::v1::JOB_STATE_CANCELLED, "cancelled by request"));
  }
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
    Fail(absl::StrCat("cannot start: ", activated.message()));
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
  const bool was_planned = handout_.stop().has_value();
  handout_.EndGang();
  groups_->policies().Clear();
  absl::Status status;
  if (ledger_->job().state() == cohort::v1::JOB_STATE_CANCELLING) {
    status = SetState(cohort::v1::JOB_STATE_CANCELLED, "cancelled by request");
  } else if (ledger_->job().state() == cohort::v1::JOB_STATE_RUNNING) {
    if (!was_planned) context_->metrics->GangsLost(ledger_->name()).Increment();
    status = SetState(cohort::v1::JOB_STATE_QUEUED, absl::StrCat("waits for ranks: ", reason));
  }
  if (!status.ok()) log::Error("store_failed", {{"job", ledger_->name()}, {"error", status}});
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

absl::StatusOr<std::vector<cohort::v1::GroupAssignment>> JobRuntime::Claim(
    std::string_view worker_id, int max_groups, std::map<int64_t, cohort::v1::WeightSource>* weights) {
  absl::MutexLock lock(&mutex_);
  std::vector<cohort::v1::GroupAssignment> none;
  if (ledger_->job().state() != cohort::v1::JOB_STATE_RUNNING) return none;
  auto claimed = groups_->Claim(worker_id, max_groups);
  if (!claimed.ok()) {
    Fail(absl::StrCat("dataset changed after submit: ", claimed.status().message()));
    return none;
  }
  for (const auto& assignment : *claimed) {
    (*weights)[assignment.policy_version()] = *groups_->policies().Find(assignment.policy_version());
  }
  if (!claimed->empty()) ++progress_;
  return claimed;
}

bool JobRuntime::Renew(std::string_view worker_id, const cohort::v1::GroupLease& lease) {
  absl::MutexLock lock(&mutex_);
  return groups_ != nullptr && !HasEnded(ledger_->job().state()) && groups_->Renew(worker_id, lease);
}

absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> JobRuntime::Submit(const std::vector<Submission>& submissions) {
  std::vector<cohort::v1::GroupReceipt> receipts(submissions.size());
  std::vector<size_t> accepted;
  std::vector<const cohort::v1::RolloutGroup*> payload;
  {
    absl::MutexLock lock(&mutex_);
    for (size_t i = 0; i < submissions.size(); ++i) {
      COHORT_ASSIGN_OR_RETURN(const bool is_acceptable, Judge(submissions[i], &receipts[i]));
      if (!is_acceptable) continue;
      accepted.push_back(i);
      payload.push_back(&submissions[i].group);
    }
  }
  // The log before the row: without the lock, other workers go on meanwhile.
  std::vector<rollout_log::RecordLocation> locations;
  if (!payload.empty()) {
    COHORT_ASSIGN_OR_RETURN(locations, context_->log->AppendAll(payload));
  }
  absl::MutexLock lock(&mutex_);
  std::map<int64_t, GroupRecord> scored;
  for (size_t n = 0; n < accepted.size(); ++n) {
    const Submission& submission = submissions[accepted[n]];
    // The lease may have run out while the log was written.
    COHORT_ASSIGN_OR_RETURN(const bool is_acceptable, Judge(submission, &receipts[accepted[n]]));
    if (!is_acceptable) continue;
    GroupRecord& record = scored[submission.group.group_id()];
    record = *groups_->buffer().Find(submission.group.group_id());
    record.state = GroupState::kScored;
    record.scored_epoch = submission.lease.coordinator_epoch();
    record.scored_attempt = submission.lease.attempt();
    record.location = locations[n];
    record.outcome = SummarizeGroup(submission.group, context_->clock->Now());
    receipts[accepted[n]].set_accepted(true);
  }
  std::vector<GroupRecord> records;
  for (auto& [id, record] : scored) records.push_back(std::move(record));
  if (!records.empty()) COHORT_RETURN_IF_ERROR(groups_->SetScored(records));
  context_->metrics->GroupsAccepted(ledger_->name()).Increment(static_cast<double>(records.size()));
  Moved();
  return receipts;
}

absl::StatusOr<bool> JobRuntime::Judge(const Submission& submission, cohort::v1::GroupReceipt* receipt) {
  receipt->set_job(ledger_->name());
  receipt->set_group_id(submission.group.group_id());
  const auto refuse = [this, receipt](const std::string& reason) {
    receipt->set_accepted(false);
    receipt->set_reason(reason);
    context_->metrics->SubmitsRefused(receipt->job()).Increment();
    log::Warning("submit_refused", {{"job", receipt->job()}, {"group", receipt->group_id()}, {"reason", reason}});
    return false;
  };
  if (groups_ == nullptr || HasEnded(ledger_->job().state())) return refuse("the job has ended");
  COHORT_ASSIGN_OR_RETURN(const auto submit_case, groups_->Judge(submission.lease, submission.group));
  receipt->set_accepted(submit_case == JobGroups::SubmitCase::kDuplicate);
  if (submit_case == JobGroups::SubmitCase::kDuplicate) return false;
  if (submit_case == JobGroups::SubmitCase::kLost) return refuse("lease lost");
  const absl::Status shape = groups_->CheckShape(submission.group);
  if (shape.ok()) return true;
  cohort::v1::GroupLease lease;
  lease.set_group_id(submission.group.group_id());
  *lease.mutable_lease() = submission.lease;
  COHORT_RETURN_IF_ERROR(groups_->Release({lease}, absl::StrCat("malformed: ", shape.message())));
  return refuse(std::string(shape.message()));
}

absl::Status JobRuntime::Release(const std::vector<cohort::v1::GroupLease>& leases, const std::string& error) {
  absl::MutexLock lock(&mutex_);
  if (groups_ == nullptr) return absl::OkStatus();
  const absl::Status status = groups_->Release(leases, error);
  Moved();
  return status;
}

void JobRuntime::Tick() {
  absl::MutexLock lock(&mutex_);
  if (groups_ == nullptr || HasEnded(ledger_->job().state())) return;
  const int64_t num_leases = groups_->leases().size();
  const absl::Status status = groups_->ReleaseExpired();
  if (!status.ok()) log::Error("store_failed", {{"job", ledger_->name()}, {"error", status}});
  if (groups_->leases().size() != num_leases) Moved();
  Advance();
  const std::pair<const char*, GroupState> states[] = {{"waiting", GroupState::kWaiting},
                                                       {"in_flight", GroupState::kInFlight},
                                                       {"scored", GroupState::kScored},
                                                       {"planned", GroupState::kPlanned}};
  for (const auto& [state, number] : states) {
    const auto count = static_cast<double>(groups_->buffer().NumInState(number));
    context_->metrics->GroupsInState(ledger_->name(), state).Set(count);
  }
}

absl::Status JobRuntime::Activate() {
  if (groups_ != nullptr) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(JobData data, OpenJobData(ledger_->spec(), context_->data_root));
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

absl::Status JobRuntime::SetState(cohort::v1::JobState state, const std::string& reason) {
  JobRecord next = ledger_->record();
  next.job.set_state(state);
  next.job.set_state_reason(reason);
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), {}));
  Moved();
  return absl::OkStatus();
}

void JobRuntime::Fail(const std::string& reason) {
  if (HasEnded(ledger_->job().state())) return;
  const absl::Status status = SetState(cohort::v1::JOB_STATE_FAILED, reason);
  if (!status.ok()) log::Error("store_failed", {{"job", ledger_->name()}, {"error", status}});
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
