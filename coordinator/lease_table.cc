// SPDX-License-Identifier: Apache-2.0
#include "coordinator/lease_table.h"

namespace cohort::coordinator {

void LeaseTable::Grant(int64_t group_id, std::string_view worker_id, const cohort::v1::LeaseToken& token,
                       absl::Duration now) {
  const absl::Duration end = now + duration_ - extension_;
  auto worker = by_worker_.find(worker_id);
  if (worker == by_worker_.end()) worker = by_worker_.emplace(worker_id, 0).first;
  ++worker->second;
  // Groups and ends mostly rise.
  leases_.insert_or_assign(leases_.end(), group_id,
                           Lease{.worker = worker,
                                 .coordinator_epoch = token.coordinator_epoch(),
                                 .attempt = token.attempt(),
                                 .granted = now,
                                 .end = end});
  ends_.emplace_hint(ends_.end(), end, group_id);
}

void LeaseTable::End(int64_t group_id) {
  const auto it = leases_.find(group_id);
  if (it == leases_.end()) return;
  ends_.erase({it->second.end, group_id});
  CountLess(it->second.worker);
  leases_.erase(it);
}

void LeaseTable::TakeOver(int64_t group_id, std::string_view worker_id, const cohort::v1::LeaseToken& token,
                          absl::Duration now) {
  Grant(group_id, worker_id, token, now);
  taken_over_.insert(group_id);
}

bool LeaseTable::Holds(int64_t group_id, const cohort::v1::LeaseToken& token) const {
  const auto it = leases_.find(group_id);
  return it != leases_.end() && it->second.coordinator_epoch == token.coordinator_epoch() &&
         it->second.attempt == token.attempt();
}

bool LeaseTable::Renew(int64_t group_id, const cohort::v1::LeaseToken& token, absl::Duration now) {
  if (!Holds(group_id, token)) return false;
  Lease& lease = leases_[group_id];
  ends_.erase({lease.end, group_id});
  lease.end = now + duration_ - extension_;
  ends_.emplace(lease.end, group_id);
  return true;
}

std::string LeaseTable::WorkerOf(int64_t group_id) const {
  const auto it = leases_.find(group_id);
  return it == leases_.end() ? "" : it->second.worker->first;
}

std::optional<absl::Duration> LeaseTable::GrantedAt(int64_t group_id, const cohort::v1::LeaseToken& token) const {
  if (!Holds(group_id, token) || WasTakenOver(group_id)) return std::nullopt;
  return leases_.at(group_id).granted;
}

std::vector<EndedLease> LeaseTable::TakeExpired(absl::Duration now) {
  std::set<int64_t> groups;
  while (!ends_.empty() && ends_.begin()->first + extension_ <= now) {
    groups.insert(ends_.begin()->second);
    ends_.erase(ends_.begin());
  }
  std::vector<EndedLease> expired;
  for (const int64_t group_id : groups) {
    const auto it = leases_.find(group_id);
    expired.push_back({.group_id = group_id, .worker_id = it->second.worker->first});
    CountLess(it->second.worker);
    leases_.erase(it);
  }
  return expired;
}

std::vector<EndedLease> LeaseTable::TakeAll() {
  std::vector<EndedLease> all;
  for (const auto& [group_id, lease] : leases_) all.push_back({.group_id = group_id, .worker_id = lease.worker->first});
  leases_.clear();
  ends_.clear();
  by_worker_.clear();
  return all;
}

int64_t LeaseTable::NumOtherWorkers(std::string_view worker_id) const {
  return static_cast<int64_t>(by_worker_.size() - by_worker_.count(worker_id));
}

void LeaseTable::CountLess(Workers::iterator worker) {
  if (--worker->second == 0) by_worker_.erase(worker);
}

}  // namespace cohort::coordinator
