// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/group_submitter.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/time/clock.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"

namespace cohort::rollout_worker {
namespace {

// ABORTED says that the worker is unknown, which the claiming thread mends, or that the lease is lost, which stays so.
constexpr int kMaxAborted = 3;
// What looks like a fault of the coordinator may still come from the group.
constexpr int kMaxFaults = 12;
// Larger batches would be sent again from the start after every break.
constexpr size_t kMaxBatchBytes = 8 << 20;

// The coordinator looked at the group and will not have it; otherwise it could not be reached, or not store it.
bool IsRefusal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
         absl::IsOutOfRange(status) || absl::IsUnimplemented(status) || absl::IsPermissionDenied(status) ||
         absl::IsUnauthenticated(status) || absl::IsAlreadyExists(status);
}

bool IsFault(const absl::Status& status) {
  return absl::IsInternal(status) || absl::IsUnknown(status) || absl::IsDataLoss(status);
}

cohort::v1::GroupLease LeaseOfSubmit(const cohort::v1::SubmitGroupsRequest& submit) {
  cohort::v1::GroupLease lease;
  lease.set_job(submit.group().job());
  lease.set_group_id(submit.group().group_id());
  *lease.mutable_lease() = submit.lease();
  return lease;
}

}  // namespace

GroupSubmitter::GroupSubmitter(std::string_view worker_id, CoordinatorClient* client, HeldLeases* leases,
                               LeaseReleaser* releaser, RolloutWorkerMetrics* metrics, WorkerCondition* condition)
    : worker_id_(worker_id),
      client_(client),
      leases_(leases),
      releaser_(releaser),
      metrics_(metrics),
      condition_(condition),
      thread_([this] { Run(); }) {}

GroupSubmitter::~GroupSubmitter() { Stop(absl::ZeroDuration()); }

void GroupSubmitter::Add(const cohort::v1::LeaseToken& lease, cohort::v1::RolloutGroup group) {
  cohort::v1::SubmitGroupsRequest submit;
  *submit.mutable_lease() = lease;
  submit.mutable_group()->Swap(&group);
  absl::MutexLock lock(&mutex_);
  queue_.push_back(std::move(submit));
  metrics_->submit_queue_groups.Set(static_cast<double>(queue_.size()));
}

void GroupSubmitter::Stop(absl::Duration grace) {
  {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &GroupSubmitter::IsIdle), grace);
    is_stopped_ = true;
  }
  client_->CancelSubmits();
  if (thread_.joinable()) thread_.join();
}

void GroupSubmitter::Run() {
  for (Batch batch = TakeBatch(); !batch.empty(); batch = TakeBatch()) {
    SubmitUntilAnswered(std::move(batch));
    absl::MutexLock lock(&mutex_);
    is_submitting_ = false;
  }
}

GroupSubmitter::Batch GroupSubmitter::TakeBatch() {
  absl::MutexLock lock(&mutex_);
  Batch batch;
  while (!is_stopped_ && batch.empty()) {  // none is due any more where the clock was set back after the wait
    mutex_.AwaitWithDeadline(absl::Condition(this, &GroupSubmitter::HasDueOrStopped), NextPauseEnd());
    if (!is_stopped_) batch = TakeDue(absl::Now());
  }
  is_submitting_ = !batch.empty();
  metrics_->submit_queue_groups.Set(static_cast<double>(queue_.size()));
  return batch;
}

GroupSubmitter::Batch GroupSubmitter::TakeDue(absl::Time now) {
  Batch batch;
  size_t num_bytes = 0;
  std::deque<cohort::v1::SubmitGroupsRequest> rest;  // in their order
  for (cohort::v1::SubmitGroupsRequest& submit : queue_) {
    if (!IsDue(submit, now)) {
      rest.push_back(std::move(submit));
      continue;
    }
    const size_t size = submit.ByteSizeLong();
    if (!batch.empty() && num_bytes + size > kMaxBatchBytes) {
      rest.push_back(std::move(submit));
      continue;
    }
    num_bytes += size;
    batch.push_back(std::move(submit));
  }
  queue_.swap(rest);
  return batch;
}

bool GroupSubmitter::IsDue(const cohort::v1::SubmitGroupsRequest& submit, absl::Time now) const {
  const auto trouble = troubles_.find(submit.group().job());
  return trouble == troubles_.end() || trouble->second.pause_end <= now;
}

bool GroupSubmitter::HasDueOrStopped() const {
  const absl::Time now = absl::Now();
  return is_stopped_ ||
         std::any_of(queue_.begin(), queue_.end(), [&](const auto& submit) { return IsDue(submit, now); });
}

absl::Time GroupSubmitter::NextPauseEnd() const {
  absl::Time next = absl::InfiniteFuture();
  for (const cohort::v1::SubmitGroupsRequest& submit : queue_) {
    const auto trouble = troubles_.find(submit.group().job());
    if (trouble != troubles_.end()) next = std::min(next, trouble->second.pause_end);
  }
  return next;
}

void GroupSubmitter::SubmitUntilAnswered(Batch batch) {
  Backoff backoff;
  for (int num_aborted = 0, num_faults = 0;;) {
    const absl::StatusOr<cohort::v1::SubmitGroupsResponse> response = client_->SubmitGroups(worker_id_, batch);
    if (response.ok()) return TakeReceipts(std::move(batch), *response);
    const absl::Status& status = response.status();
    metrics_->coordinator_errors.Increment();
    log::Warning("submit_failed", {{"groups", batch.size()}, {"reason", status}});
    if (absl::IsAborted(status)) ++num_aborted;
    if (IsFault(status)) ++num_faults;
    if (IsRefusal(status) || num_aborted == kMaxAborted || num_faults == kMaxFaults) {
      return GiveUp(batch, status);
    }
    condition_->SubmitFailed(status);
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(this, &GroupSubmitter::IsStopped), backoff.Next())) return;
  }
}

void GroupSubmitter::TakeReceipts(Batch batch, const cohort::v1::SubmitGroupsResponse& response) {
  std::set<std::pair<std::string, int64_t>> not_stored;
  std::map<std::string, std::string> troubles;
  std::set<std::string> answered;
  for (const cohort::v1::GroupReceipt& receipt : response.receipts()) {
    if (receipt.try_again()) {
      not_stored.emplace(receipt.job(), receipt.group_id());
      troubles[receipt.job()] = receipt.reason();
      continue;
    }
    metrics_->Groups(receipt.job(), receipt.accepted() ? "submitted" : "refused").Increment();
    if (receipt.accepted()) continue;
    log::Warning("group_refused", {{"job", receipt.job()},
                                   {"group", receipt.group_id()},
                                   {"trace_id", common::TraceIdOf(receipt.job(), "groups", receipt.group_id())},
                                   {"reason", receipt.reason()}});
  }
  Batch again;
  for (cohort::v1::SubmitGroupsRequest& submit : batch) {
    if (not_stored.count({submit.group().job(), submit.group().group_id()}) > 0) {
      again.push_back(std::move(submit));
    } else {
      answered.insert(submit.group().job());
      leases_->Remove(LeaseOfSubmit(submit));
    }
  }
  PutBack(std::move(again), troubles, answered);
}

void GroupSubmitter::PutBack(Batch again, const std::map<std::string, std::string>& troubles,
                             const std::set<std::string>& answered) {
  for (const auto& [job, reason] : troubles) {
    metrics_->coordinator_errors.Increment();
    log::Warning("submit_failed", {{"job", job}, {"reason", reason}});
  }
  absl::MutexLock lock(&mutex_);
  for (const std::string& job : answered) troubles_.erase(job);
  const absl::Time now = absl::Now();
  for (const auto& [job, reason] : troubles) {
    Trouble& trouble = troubles_[job];
    trouble.pause_end = now + trouble.backoff.Next();
  }
  queue_.insert(queue_.begin(), std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()));
  metrics_->submit_queue_groups.Set(static_cast<double>(queue_.size()));
  if (!troubles.empty()) {
    condition_->SubmitFailed(absl::UnavailableError(troubles.begin()->second));
  } else if (troubles_.empty()) {
    condition_->SubmitAnswered();
  }
}

// One bad group must not take the others with it.
void GroupSubmitter::GiveUp(const Batch& batch, const absl::Status& status) {
  if (batch.size() > 1) {
    for (const cohort::v1::SubmitGroupsRequest& submit : batch) SubmitUntilAnswered({submit});
    return;
  }
  const cohort::v1::GroupLease lease = LeaseOfSubmit(batch[0]);
  {
    absl::MutexLock lock(&mutex_);
    troubles_.erase(lease.job());
    if (troubles_.empty()) condition_->SubmitAnswered();
  }
  if (!absl::IsAborted(status)) return releaser_->Release({lease}, std::string(status.message()));
  leases_->Remove(lease);
  metrics_->Groups(lease.job(), "refused").Increment();
}

}  // namespace cohort::rollout_worker
