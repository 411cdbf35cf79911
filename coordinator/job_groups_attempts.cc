// SPDX-License-Identifier: Apache-2.0
// Who samples which group, and what comes of attempts that fail.
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"
#include "coordinator/job_groups.h"

namespace cohort::coordinator {
namespace {

constexpr int32_t kDefaultMaxAttempts = 3;
// So many lease durations a failed group is kept for another worker.
constexpr int kElsewhereLeases = 2;

int32_t MaxAttempts(const cohort::v1::JobSpec& spec) {
  return spec.has_rlvr() ? spec.rlvr().rollout().max_attempts() : kDefaultMaxAttempts;
}

}  // namespace

void JobGroups::Claim(std::string_view worker_id, int max_groups, Assignments* assignments) {
  std::function<bool(int64_t)> is_skipped;
  if (!failed_attempts_.empty()) is_skipped = [&](int64_t group_id) { return ShouldGoElsewhere(group_id, worker_id); };
  const absl::Duration now = context_->clock->Monotonic();
  for (int i = 0; i < max_groups; ++i) {
    const GroupRecord* group = buffer_.NextWaiting(policies_.versions(), is_skipped);
    if (group == nullptr || !buffer_.Claim(group->group_id).ok()) return;
    // In place: its memory may have served an answer before.
    cohort::v1::GroupAssignment* const assignment = assignments->Add();
    Assign(*group, assignment);
    leases_.Grant(group->group_id, worker_id, assignment->lease(), now);
  }
}

bool JobGroups::Renew(std::string_view worker_id, const cohort::v1::GroupLease& lease) {
  const absl::Duration now = context_->clock->Monotonic();
  if (leases_.Renew(lease.group_id(), lease.lease(), now)) return true;
  const GroupRecord* group = buffer_.Find(lease.group_id());
  if (group == nullptr) return false;
  if (group->state == GroupState::kScored || group->state == GroupState::kPlanned) {
    return group->scored_epoch == lease.lease().coordinator_epoch() && group->scored_attempt == lease.lease().attempt();
  }
  const bool is_former = lease.lease().coordinator_epoch() < context_->epoch &&
                         !leases_.WasTakenOver(lease.group_id()) && !IsFencedOff(*group, lease.lease());
  if (!is_former || !buffer_.Claim(lease.group_id()).ok()) return false;
  leases_.TakeOver(lease.group_id(), worker_id, lease.lease(), now);
  return true;
}

void JobGroups::Release(const std::vector<cohort::v1::GroupLease>& leases, const std::string& error) {
  std::vector<EndedLease> failed;
  for (const auto& lease : leases) {
    if (!leases_.Holds(lease.group_id(), lease.lease())) continue;
    const std::string worker = leases_.WorkerOf(lease.group_id());
    leases_.End(lease.group_id());
    if (!error.empty()) {
      failed.push_back({.group_id = lease.group_id(), .worker_id = worker});
      continue;
    }
    // Leased by construction: a lease is held from Claim on.
    (void)buffer_.Return(lease.group_id(), /*is_failure=*/false);
    context_->workers->EndProbe(worker);
  }
  FailAttempts(failed, error);
}

void JobGroups::ReleaseExpired() {
  // While a slow store held everybody up, nobody could renew.
  leases_.Extend(ledger_->TakeStalledTime());
  const std::vector<EndedLease> expired = leases_.TakeExpired(context_->clock->Monotonic());
  if (expired.empty()) return;
  log::Warning("leases_expired",
               {{"job", ledger_->name()},
                {"groups", expired.size()},
                {"first", expired.front().group_id},
                {"trace_id", common::TraceIdOf(ledger_->name(), "groups", expired.front().group_id)}});
  context_->metrics->LeasesExpired(ledger_->name()).Increment(static_cast<double>(expired.size()));
  FailAttempts(expired, "the lease ran out");
}

void JobGroups::EndLeases() {
  for (const EndedLease& lease : leases_.TakeAll()) {
    // Leased by construction: a lease is held from Claim on.
    (void)buffer_.Return(lease.group_id, /*is_failure=*/false);
    context_->workers->EndProbe(lease.worker_id);
  }
}

bool JobGroups::ShouldGoElsewhere(int64_t group_id, std::string_view worker_id) const {
  const auto it = failed_attempts_.find(group_id);
  if (it == failed_attempts_.end() || it->second.workers.count(std::string(worker_id)) == 0) return false;
  const absl::Duration age = context_->clock->Monotonic() - it->second.newest;
  return age < kElsewhereLeases * context_->lease_duration && context_->workers->HasOtherThan(it->second.workers);
}

void JobGroups::FailAttempts(const std::vector<EndedLease>& leases, const std::string& error) {
  if (leases.empty()) return;
  const absl::Duration now = context_->clock->Monotonic();
  std::set<std::string> workers;
  for (const EndedLease& lease : leases) workers.insert(lease.worker_id);
  for (const std::string& worker : workers) context_->workers->CountFailure(worker, error, now);
  const absl::Status stored = StoreFailedAttempts(leases, error);
  if (!stored.ok()) log::Error("attempts_not_counted", {{"job", ledger_->name()}, {"error", stored}});
  for (const EndedLease& lease : leases) {
    const GroupRecord* group = buffer_.Find(lease.group_id);
    if (group == nullptr) continue;  // dropped
    if (group->state == GroupState::kInFlight) (void)buffer_.Return(lease.group_id, /*is_failure=*/false);
    FailedAttempts& failed = failed_attempts_[lease.group_id];
    failed.workers.insert(lease.worker_id);
    failed.newest = now;
  }
}

absl::Status JobGroups::StoreFailedAttempts(const std::vector<EndedLease>& leases, const std::string& error) {
  const int32_t max_attempts = MaxAttempts(ledger_->spec());
  JobRecord next = ledger_->record();
  JobChange change;
  for (const EndedLease& lease : leases) {
    GroupRecord& group = change.groups.emplace_back(*buffer_.Find(lease.group_id));
    group.state = GroupState::kWaiting;
    if (++group.failed_attempts < max_attempts) continue;
    group = Dropped(group, absl::StrCat(kErroredPrefix, group.failed_attempts, " attempts: ", error));
    ++(*next.job.mutable_dropped_groups())["errored"];
    *change.events.emplace_back().mutable_notice() =
        absl::StrCat("group ", group.group_id, " dropped: ", group.drop_reason);
  }
  const std::vector<GroupRecord> groups = change.groups;
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  for (const GroupRecord& group : groups) {
    if (group.state != GroupState::kDropped) {
      COHORT_RETURN_IF_ERROR(buffer_.Return(group.group_id, /*is_failure=*/true));
      continue;
    }
    log::Warning("group_dropped", {{"job", ledger_->name()},
                                   {"group", group.group_id},
                                   {"trace_id", common::TraceIdOf(ledger_->name(), "groups", group.group_id)},
                                   {"reason", group.drop_reason}});
    COHORT_RETURN_IF_ERROR(buffer_.Drop(group.group_id));
    failed_attempts_.erase(group.group_id);
    context_->metrics->GroupsDropped(ledger_->name(), "errored").Increment();
    const bool is_evaluation = group.purpose == cohort::v1::GROUP_PURPOSE_EVALUATE;
    if (!is_evaluation) ++num_errored_[group.step];
    if (is_evaluation && evaluation_.has_value()) evaluation_->AddDropped(group);
  }
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
