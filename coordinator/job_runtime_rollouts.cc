// SPDX-License-Identifier: Apache-2.0
// What rollout workers ask of a job: groups, leases, receipts.
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/utf8.h"
#include "coordinator/job_runtime.h"
#include "coordinator/storage_trouble.h"
#include "coordinator/submitted_group.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxReasonBytes = 500;

}  // namespace

std::vector<cohort::v1::GroupAssignment> JobRuntime::Claim(std::string_view worker_id, ClaimBudget* budget,
                                                           std::map<int64_t, cohort::v1::WeightSource>* weights) {
  absl::MutexLock lock(&mutex_);
  std::vector<cohort::v1::GroupAssignment> claimed;
  if (!GivesOutGroups()) return claimed;
  const int32_t max_workers = ledger_->spec().scheduling().max_workers();
  if (max_workers > 0 && groups_->leases().NumOtherWorkers(worker_id) >= max_workers) return claimed;
  ChargeUse();
  const absl::Status status = groups_->Claim(worker_id, budget, &claimed);
  if (IsFaultOfJob(status)) {
    claimed.clear();
    Fail(absl::StrCat("data changed after submit: ", status.message()));
  } else if (!status.ok()) {
    log::Error("dataset_unreadable", {{"job", ledger_->name()}, {"error", status}});
  }
  for (const auto& assignment : claimed) {
    const cohort::v1::WeightSource* source = groups_->policies().Find(assignment.policy_version());
    if (source != nullptr) (*weights)[assignment.policy_version()] = *source;
  }
  if (!claimed.empty()) ++progress_;
  return claimed;
}

bool JobRuntime::HasWaitingGroups() const {
  absl::MutexLock lock(&mutex_);
  return GivesOutGroups() && groups_->buffer().NextWaiting(groups_->policies().versions()) != nullptr;
}

bool JobRuntime::GivesOutGroups() const {
  // A RUNNING one that cannot be stored as QUEUED after a restart has no groups yet. One that stops begins nothing.
  return ledger_->job().state() == cohort::v1::JOB_STATE_RUNNING && groups_ != nullptr && stop_reason_.empty() &&
         failure_.empty();
}

void JobRuntime::EndExpiredLeases() {
  absl::MutexLock lock(&mutex_);
  if (groups_ == nullptr || HasEnded(ledger_->job().state())) return;
  ChargeUse();
  const int64_t num_leases = groups_->leases().size();
  groups_->ReleaseExpired();
  if (groups_->leases().size() != num_leases) Moved();
}

namespace {

// A lease from before a restart is lost with the files of its job: a worker that held on to it would keep the groups of
// other jobs waiting behind it. Trouble of the store passes, and costs nothing.
bool CostsTheLease(const absl::Status& activated) {
  return IsFaultOfJob(activated) || absl::IsNotFound(activated) || absl::IsPermissionDenied(activated);
}

}  // namespace

bool JobRuntime::Renew(std::string_view worker_id, const cohort::v1::GroupLease& lease) {
  absl::MutexLock lock(&mutex_);
  if (!TakesGroups(ledger_->job().state())) return false;
  const absl::Status activated = ActivateForWorkers();
  ChargeUse();
  // While the groups cannot be read, nobody else gets them either: the worker may go on.
  return activated.ok() ? groups_->Renew(worker_id, lease) : !CostsTheLease(activated);
}

// Before ranks are there, for leases of a former coordinator process; tried once per Tick.
absl::Status JobRuntime::ActivateForWorkers() {
  if (HasEnded(ledger_->job().state())) return absl::FailedPreconditionError("the job has ended");
  if (groups_ != nullptr) return absl::OkStatus();
  if (ledger_->record().incarnation == 0) return absl::FailedPreconditionError("the job has no groups yet");
  if (!activation_.ok()) return activation_;
  activation_ = Activate();
  if (!activation_.ok()) log::Error("groups_unreadable", {{"job", ledger_->name()}, {"error", activation_}});
  return activation_;
}

absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> JobRuntime::Submit(const std::vector<Submission>& submissions) {
  std::vector<cohort::v1::GroupReceipt> receipts(submissions.size());
  std::vector<size_t> accepted;
  std::vector<const cohort::v1::RolloutGroup*> payload;
  {
    absl::MutexLock lock(&mutex_);
    ChargeUse();
    for (size_t i = 0; i < submissions.size(); ++i) {
      COHORT_ASSIGN_OR_RETURN(const bool is_acceptable, Judge(submissions[i], &receipts[i]));
      if (!is_acceptable) continue;
      accepted.push_back(i);
      payload.push_back(&submissions[i].group);
    }
  }
  // The log before the row: without the lock, other workers go on meanwhile.
  std::vector<rollout_log::RecordLocation> locations;
  absl::Status logged;
  if (!payload.empty()) {
    auto appended = context_->log->AppendAll(payload);
    logged = appended.status();
    if (appended.ok()) locations = *std::move(appended);
  }
  const absl::Cleanup settle = [&] { context_->log->Settle(locations); };
  absl::MutexLock lock(&mutex_);
  ChargeUse();
  if (!payload.empty()) vitals_.rollout_log().Note(logged, context_->clock->Now());
  if (!logged.ok()) {
    log::Error("rollout_log_failed", {{"job", ledger_->name()}, {"error", logged}});
    return StorageTrouble("store the groups", logged);
  }
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
  for (const GroupRecord& record : records) retention_.AddScored(record);
  for (const GroupRecord& record : records) {
    for (const int32_t count : record.outcome.planned.completion_tokens()) ledger_->meter().AddTokens(count);
  }
  context_->metrics->GroupsAccepted(ledger_->name()).Increment(static_cast<double>(records.size()));
  Moved();
  return receipts;
}

// True when the group is to be written; else the receipt is final.
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
  const absl::Status activated = ActivateForWorkers();
  if (CostsTheLease(activated)) return refuse(std::string(activated.message()));
  if (!activated.ok()) return StorageTrouble("take the job up", activated);
  const int64_t id = submission.group.group_id();
  const LeaseTable& leases = groups_->leases();
  const std::string holder = leases.Holds(id, submission.lease) ? leases.WorkerOf(id) : "";
  if (!holder.empty() && !submission.worker_id.empty() && holder != submission.worker_id) {
    // The numbers of a lease are easily hit: its holder keeps it, and who sent this is not trusted with more.
    const std::string reason = absl::StrCat("the lease is held by another worker (", holder, ")");
    context_->workers->CountFailure(submission.worker_id, reason, context_->clock->Monotonic());
    return refuse(reason);
  }
  const auto submit_case = groups_->Judge(submission.lease, submission.group);
  if (!submit_case.ok()) return StorageTrouble("look the group up", submit_case.status());
  receipt->set_accepted(*submit_case == JobGroups::SubmitCase::kDuplicate);
  if (*submit_case == JobGroups::SubmitCase::kDuplicate) return false;
  // A job that has stopped leaves its leases to nobody, those of a former coordinator process neither.
  const bool is_lost = *submit_case == JobGroups::SubmitCase::kLost || !TakesGroups(ledger_->job().state());
  if (is_lost) return refuse("lease lost");
  const absl::Status shape = groups_->CheckShape(submission.group);
  if (shape.ok()) return true;
  if (absl::IsUnavailable(shape)) return shape;
  // Not the worker's fault: what it judged is gone.
  if (absl::IsFailedPrecondition(shape) || absl::IsDataLoss(shape)) {
    Fail(std::string(shape.message()));
    return refuse(std::string(shape.message()));
  }
  cohort::v1::GroupLease lease;
  lease.set_group_id(submission.group.group_id());
  *lease.mutable_lease() = submission.lease;
  groups_->Release({lease}, absl::StrCat("malformed: ", shape.message()));
  return refuse(std::string(shape.message()));
}

void JobRuntime::Release(const std::vector<cohort::v1::GroupLease>& leases, const std::string& error) {
  absl::MutexLock lock(&mutex_);
  if (groups_ == nullptr) return;
  ChargeUse();
  groups_->Release(leases, common::Printable(error, kMaxReasonBytes));
  Moved();
}

}  // namespace cohort::coordinator
