// SPDX-License-Identifier: Apache-2.0
// What rollout workers ask of a job once they have groups: leases, receipts.
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"
#include "common/utf8.h"
#include "coordinator/job_runtime.h"
#include "coordinator/storage_trouble.h"
#include "coordinator/submitted_group.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxReasonBytes = 500;

}  // namespace

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
  const absl::Status activated = Activate();
  if (IsBeingRead(activated)) return activated;
  activation_ = activated;
  if (!activation_.ok()) log::Error("groups_unreadable", {{"job", ledger_->name()}, {"error", activation_}});
  return activation_;
}

struct JobRuntime::LoggedGroups {
  const std::vector<Submission>* submissions;
  std::vector<cohort::v1::GroupReceipt> receipts;  // of all submissions
  std::vector<size_t> accepted;                    // submissions that were written
  std::vector<GroupOutcome> outcomes;              // of these, as the next one
  std::vector<rollout_log::RecordLocation> locations;
  absl::Status status;
  bool is_done = false;
};

// Calls that come together share an fdatasync of the log, and then a write of the store: whoever gets the lock first
// stores what all others have in the log by then.
absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> JobRuntime::Submit(std::vector<Submission>* submissions) {
  LoggedGroups own{.submissions = submissions};
  own.receipts.resize(submissions->size());
  std::vector<const cohort::v1::RolloutGroup*> payload;
  {
    absl::MutexLock lock(&mutex_);
    ChargeUse();
    for (size_t i = 0; i < submissions->size(); ++i) {
      Submission& submission = (*submissions)[i];
      COHORT_ASSIGN_OR_RETURN(const bool is_acceptable, Judge(submission, /*was_judged=*/false, &own.receipts[i]));
      if (!is_acceptable) continue;
      groups_->AddTimes(submission.lease, &submission.group);
      own.accepted.push_back(i);
    }
  }
  for (const size_t i : own.accepted) {
    payload.push_back(&(*submissions)[i].group);
    own.outcomes.push_back(SummarizeGroup((*submissions)[i].group, context_->clock->Now()));
  }
  // The log before the row: without the lock, other workers go on meanwhile.
  absl::Status logged;
  if (!payload.empty()) {
    auto appended = context_->log->AppendAll(payload);
    logged = appended.status();
    if (appended.ok()) own.locations = *std::move(appended);
  }
  const absl::Cleanup settle = [&] { context_->log->Settle(own.locations); };
  if (logged.ok()) {
    absl::MutexLock lock(&logged_mutex_);
    logged_.push_back(&own);
  }
  absl::MutexLock lock(&mutex_);
  if (!payload.empty()) vitals_.rollout_log().Note(logged, context_->clock->Now());
  if (!logged.ok()) {
    ChargeUse();
    log::Error("rollout_log_failed", {{"job", ledger_->name()}, {"error", logged}});
    return StorageTrouble("store the groups", logged);
  }
  if (!own.is_done) StoreLogged();
  COHORT_RETURN_IF_ERROR(own.status);
  return std::move(own.receipts);
}

void JobRuntime::StoreLogged() {
  std::vector<LoggedGroups*> calls;
  {
    absl::MutexLock lock(&logged_mutex_);
    calls.swap(logged_);
  }
  ChargeUse();
  std::map<int64_t, GroupRecord> scored;
  for (LoggedGroups* call : calls) {
    call->is_done = true;
    std::map<int64_t, GroupRecord> of_call;
    for (size_t n = 0; n < call->accepted.size() && call->status.ok(); ++n) {
      call->status = JudgeLogged(call, n, scored, &of_call);
    }
    if (call->status.ok()) scored.merge(of_call);
  }
  std::vector<GroupRecord> records;
  for (auto& [id, record] : scored) records.push_back(std::move(record));
  const absl::Status stored = records.empty() ? absl::OkStatus() : groups_->SetScored(records);
  if (!stored.ok()) {
    for (LoggedGroups* call : calls) call->status.Update(stored);
    return;
  }
  for (const GroupRecord& record : records) retention_.AddScored(record);
  for (const GroupRecord& record : records) {
    for (const int32_t count : record.outcome.planned.completion_tokens()) ledger_->meter().AddTokens(count);
  }
  context_->metrics->GroupsAccepted(ledger_->name()).Increment(static_cast<double>(records.size()));
  Moved();
}

// The lease may have run out while the log was written, or another call may have brought the same group first.
absl::Status JobRuntime::JudgeLogged(LoggedGroups* call, size_t n, const std::map<int64_t, GroupRecord>& before,
                                     std::map<int64_t, GroupRecord>* scored) {
  const size_t i = call->accepted[n];
  const Submission& submission = (*call->submissions)[i];
  COHORT_ASSIGN_OR_RETURN(const bool is_acceptable, Judge(submission, /*was_judged=*/true, &call->receipts[i]));
  if (!is_acceptable) return absl::OkStatus();
  const int64_t id = submission.group.group_id();
  for (const auto* records : {&before, static_cast<const std::map<int64_t, GroupRecord>*>(scored)}) {
    const auto first = records->find(id);
    if (first == records->end()) continue;
    const bool is_same = first->second.scored_epoch == submission.lease.coordinator_epoch() &&
                         first->second.scored_attempt == submission.lease.attempt();
    call->receipts[i].set_accepted(is_same);
    if (!is_same) Refuse(submission.worker_id, "lease lost", &call->receipts[i]);
    return absl::OkStatus();
  }
  GroupRecord& record = (*scored)[id];
  record = *groups_->buffer().Find(id);
  record.state = GroupState::kScored;
  record.scored_epoch = submission.lease.coordinator_epoch();
  record.scored_attempt = submission.lease.attempt();
  record.location = call->locations[n];
  record.outcome = std::move(call->outcomes[n]);
  call->receipts[i].set_accepted(true);
  return absl::OkStatus();
}

void JobRuntime::Refuse(const std::string& worker, const std::string& reason, cohort::v1::GroupReceipt* receipt) {
  receipt->set_accepted(false);
  receipt->set_reason(reason);
  context_->metrics->SubmitsRefused(receipt->job()).Increment();
  log::Warning("submit_refused", {{"worker", worker},
                                  {"job", receipt->job()},
                                  {"group", receipt->group_id()},
                                  {"trace_id", common::TraceIdOf(receipt->job(), "groups", receipt->group_id())},
                                  {"reason", reason}});
}

absl::StatusOr<bool> JobRuntime::Judge(const Submission& submission, bool was_judged,
                                       cohort::v1::GroupReceipt* receipt) {
  receipt->set_job(ledger_->name());
  receipt->set_group_id(submission.group.group_id());
  const int64_t id = submission.group.group_id();
  std::string worker = submission.worker_id;
  const auto refuse = [this, receipt, &worker](const std::string& reason) {
    Refuse(worker, reason, receipt);
    return false;
  };
  const absl::Status activated = ActivateForWorkers();
  if (CostsTheLease(activated)) return refuse(std::string(activated.message()));
  if (!activated.ok()) return StorageTrouble("take the job up", activated);
  const LeaseTable& leases = groups_->leases();
  const std::string holder = leases.Holds(id, submission.lease) ? leases.WorkerOf(id) : "";
  if (worker.empty()) worker = holder;
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
  if (was_judged) return true;
  absl::Status shape = groups_->CheckShape(submission.group);
  if (shape.ok()) shape = CheckFolderWeights(submission.group);
  if (shape.ok()) return true;
  if (absl::IsUnavailable(shape)) return shape;
  // Not the worker's fault: what it judged is gone.
  if (absl::IsFailedPrecondition(shape) || absl::IsDataLoss(shape)) {
    Fail(std::string(shape.message()));
    return refuse(std::string(shape.message()));
  }
  cohort::v1::GroupLease lease;
  lease.set_group_id(id);
  *lease.mutable_lease() = submission.lease;
  // Of other weights any group would have come out wrong, and this one is no worse for it.
  const bool is_fault_of_worker = absl::IsAborted(shape);
  if (is_fault_of_worker) {
    context_->workers->CountFailure(worker, std::string(shape.message()), context_->clock->Monotonic());
  }
  groups_->Release({lease}, is_fault_of_worker ? "" : absl::StrCat("malformed group ", id, ": ", shape.message()));
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
