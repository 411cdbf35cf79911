// SPDX-License-Identifier: Apache-2.0
// What rollout workers get of a job.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/telemetry/log.h"
#include "coordinator/job_runtime.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {

void JobRuntime::Claim(std::string_view worker_id, ClaimBudget* budget, cohort::v1::ClaimGroupsResponse* response) {
  const int first = response->groups_size();
  std::vector<cohort::v1::WeightSource> sources;
  bool sends_rows = false;
  const absl::Duration begin = context_->clock->Monotonic();
  {
    absl::MutexLock lock(&mutex_);
    if (!GivesOutGroups()) return;
    const int32_t max_workers = ledger_->spec().scheduling().max_workers();
    if (max_workers > 0 && groups_->leases().NumOtherWorkers(worker_id) >= max_workers) return;
    ChargeUse();
    groups_->Claim(worker_id, budget->MaxGroups(), response->mutable_groups());
    if (response->groups_size() == first) return;
    sources = SourcesOf(*response, first);
    sends_rows = groups_->sends_rows();
  }
  // Without the lock: claims read side by side, and a slow disk keeps nobody else of the job waiting.
  for (int i = first; i < response->groups_size(); ++i) {
    // The leases run already: what a slow disk does not give in good time waits again, and nobody is at fault.
    if (i > first && context_->clock->Monotonic() - begin > context_->lease_duration / 4) {
      ReturnUnread(first, i, absl::OkStatus(), response);
      break;
    }
    cohort::v1::GroupAssignment* const group = response->mutable_groups(i);
    const absl::Status read = data_->ReadInto(sends_rows, group);
    if (read.ok() && budget->Take(static_cast<int64_t>(group->ByteSizeLong()))) continue;
    ReturnUnread(first, i, read, response);
  }
  if (response->groups_size() == first) return;  // a job whose rows cannot be read does not move
  {
    absl::MutexLock lock(&mutex_);
    ++progress_;
  }
  for (cohort::v1::WeightSource& source : sources) {
    const bool is_named =
        std::any_of(response->groups().begin() + first, response->groups().end(),
                    [&source](const auto& group) { return group.policy_version() == source.policy_version(); });
    if (is_named) *response->add_weights() = std::move(source);
  }
}

std::vector<cohort::v1::WeightSource> JobRuntime::SourcesOf(const cohort::v1::ClaimGroupsResponse& response,
                                                            int first) const {
  std::set<int64_t> versions;
  std::vector<cohort::v1::WeightSource> sources;
  for (int i = first; i < response.groups_size(); ++i) {
    const int64_t version = response.groups(i).policy_version();
    if (!versions.insert(version).second) continue;
    const cohort::v1::WeightSource* source = groups_->policies().Find(version);
    if (source != nullptr) sources.push_back(*source);
  }
  return sources;
}

void JobRuntime::ReturnUnread(int first, int unread, const absl::Status& status,
                              cohort::v1::ClaimGroupsResponse* response) {
  absl::MutexLock lock(&mutex_);
  const bool is_fault = IsFaultOfJob(status);
  const int end = is_fault ? first : unread;
  std::vector<cohort::v1::GroupLease> leases;
  for (int i = end; i < response->groups_size(); ++i) {
    cohort::v1::GroupLease& lease = leases.emplace_back();
    lease.set_group_id(response->groups(i).group_id());
    *lease.mutable_lease() = response->groups(i).lease();
  }
  response->mutable_groups()->DeleteSubrange(end, response->groups_size() - end);
  ChargeUse();
  groups_->Release(leases, "");
  if (is_fault) return Fail(absl::StrCat("data changed after submit: ", status.message()));
  if (!status.ok()) log::Error("dataset_unreadable", {{"job", ledger_->name()}, {"error", status}});
  // Where nothing could be read nobody is woken: who waits would meet the same trouble at once, and again.
  if (status.ok() || end > first) Moved();
}

bool JobRuntime::HasWaitingGroups(GroupOffer* offer) const {
  absl::MutexLock lock(&mutex_);
  if (!GivesOutGroups() || groups_->buffer().NextWaiting(groups_->policies().versions()) == nullptr) return false;
  const auto& workers = groups_->leases().LeasesByWorker();
  const int32_t max_workers = ledger_->spec().scheduling().max_workers();
  offer->is_for_all = max_workers == 0 || static_cast<int64_t>(workers.size()) < max_workers;
  if (offer->is_for_all) return true;
  for (const auto& [worker, num_leases] : workers) offer->workers.push_back(worker);
  return true;
}

bool JobRuntime::GivesOutGroups() const {
  // A RUNNING one that cannot be stored as QUEUED after a restart has no groups yet. One that stops begins nothing.
  return ledger_->job().state() == cohort::v1::JOB_STATE_RUNNING && groups_ != nullptr && stop_reason_.empty() &&
         failure_.empty();
}

}  // namespace cohort::coordinator
