// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/group_submitter.h"

#include <set>
#include <utility>

#include "common/telemetry/log.h"
#include "rollout_worker/backoff.h"

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
  for (;;) {
    Batch batch;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &GroupSubmitter::HasGroupOrStopped));
      if (is_stopped_) return;
      batch = TakeBatch();
      is_submitting_ = true;
      metrics_->submit_queue_groups.Set(static_cast<double>(queue_.size()));
    }
    SubmitUntilAnswered(std::move(batch));
    absl::MutexLock lock(&mutex_);
    is_submitting_ = false;
  }
}

GroupSubmitter::Batch GroupSubmitter::TakeBatch() {
  Batch batch;
  size_t num_bytes = 0;
  do {
    num_bytes += queue_.front().ByteSizeLong();
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  } while (!queue_.empty() && num_bytes + queue_.front().ByteSizeLong() <= kMaxBatchBytes);
  return batch;
}

void GroupSubmitter::SubmitUntilAnswered(Batch batch) {
  Backoff backoff;
  for (int num_aborted = 0, num_faults = 0;;) {
    const absl::StatusOr<cohort::v1::SubmitGroupsResponse> response = client_->SubmitGroups(worker_id_, batch);
    absl::Status status = response.status();
    if (response.ok()) {
      batch = TakeReceipts(std::move(batch), *response, &status);
      if (batch.empty()) return condition_->SubmitAnswered();
    }
    metrics_->coordinator_errors.Increment();
    log::Warning("submit_failed", {{"groups", batch.size()}, {"reason", status}});
    if (absl::IsAborted(status)) ++num_aborted;
    if (IsFault(status)) ++num_faults;
    if (IsRefusal(status) || num_aborted == kMaxAborted || num_faults == kMaxFaults) {
      condition_->SubmitAnswered();
      return GiveUp(batch, status);
    }
    condition_->SubmitFailed(status);
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(this, &GroupSubmitter::IsStopped), backoff.Next())) return;
  }
}

GroupSubmitter::Batch GroupSubmitter::TakeReceipts(Batch batch, const cohort::v1::SubmitGroupsResponse& response,
                                                   absl::Status* trouble) {
  std::set<std::pair<std::string, int64_t>> again;
  for (const cohort::v1::GroupReceipt& receipt : response.receipts()) {
    if (receipt.try_again()) {
      again.emplace(receipt.job(), receipt.group_id());
      *trouble = absl::UnavailableError(receipt.reason());
      continue;
    }
    metrics_->Groups(receipt.job(), receipt.accepted() ? "submitted" : "refused").Increment();
    if (receipt.accepted()) continue;
    log::Warning("group_refused",
                 {{"job", receipt.job()}, {"group", receipt.group_id()}, {"reason", receipt.reason()}});
  }
  Batch rest;
  for (cohort::v1::SubmitGroupsRequest& submit : batch) {
    if (again.count({submit.group().job(), submit.group().group_id()}) > 0) {
      rest.push_back(std::move(submit));
    } else {
      leases_->Remove(LeaseOfSubmit(submit));
    }
  }
  return rest;
}

// One bad group must not take the others with it.
void GroupSubmitter::GiveUp(const Batch& batch, const absl::Status& status) {
  if (batch.size() > 1) {
    for (const cohort::v1::SubmitGroupsRequest& submit : batch) SubmitUntilAnswered({submit});
    return;
  }
  const cohort::v1::GroupLease lease = LeaseOfSubmit(batch[0]);
  if (!absl::IsAborted(status)) return releaser_->Release({lease}, std::string(status.message()));
  leases_->Remove(lease);
  metrics_->Groups(lease.job(), "refused").Increment();
}

}  // namespace cohort::rollout_worker
