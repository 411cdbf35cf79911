// SPDX-License-Identifier: Apache-2.0
#include "coordinator/lease_table.h"

namespace cohort::coordinator {

void LeaseTable::Grant(int64_t group_id, std::string_view worker_id, const cohort::v1::LeaseToken& token,
                       absl::Duration now) {
  leases_[group_id] = {.worker_id = std::string(worker_id), .token = token, .end = now + duration_};
}

bool LeaseTable::Holds(int64_t group_id, const cohort::v1::LeaseToken& token) const {
  const auto it = leases_.find(group_id);
  return it != leases_.end() && it->second.token.coordinator_epoch() == token.coordinator_epoch() &&
         it->second.token.attempt() == token.attempt();
}

bool LeaseTable::Renew(int64_t group_id, const cohort::v1::LeaseToken& token, absl::Duration now) {
  if (!Holds(group_id, token)) return false;
  leases_[group_id].end = now + duration_;
  return true;
}

std::string LeaseTable::WorkerOf(int64_t group_id) const {
  const auto it = leases_.find(group_id);
  return it == leases_.end() ? "" : it->second.worker_id;
}

void LeaseTable::Extend(absl::Duration duration) {
  for (auto& [group_id, lease] : leases_) lease.end += duration;
}

std::vector<EndedLease> LeaseTable::TakeExpired(absl::Duration now) {
  std::vector<EndedLease> expired;
  for (auto it = leases_.begin(); it != leases_.end();) {
    if (it->second.end > now) {
      ++it;
      continue;
    }
    expired.push_back({.group_id = it->first, .worker_id = it->second.worker_id});
    it = leases_.erase(it);
  }
  return expired;
}

std::map<std::string, int64_t> LeaseTable::LeasesByWorker() const {
  std::map<std::string, int64_t> counts;
  for (const auto& [group_id, lease] : leases_) ++counts[lease.worker_id];
  return counts;
}

}  // namespace cohort::coordinator
