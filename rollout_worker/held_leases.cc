// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/held_leases.h"

namespace cohort::rollout_worker {

cohort::v1::GroupLease LeaseOf(const cohort::v1::GroupAssignment& assignment) {
  cohort::v1::GroupLease lease;
  lease.set_job(assignment.job());
  lease.set_group_id(assignment.group_id());
  *lease.mutable_lease() = assignment.lease();
  return lease;
}

HeldLeases::Key HeldLeases::KeyOf(const cohort::v1::GroupLease& lease) {
  return {lease.job(), lease.group_id(), lease.lease().coordinator_epoch(), lease.lease().attempt()};
}

bool HeldLeases::Add(const cohort::v1::GroupLease& lease) {
  absl::MutexLock lock(&mutex_);
  return leases_.emplace(KeyOf(lease), lease).second;
}

void HeldLeases::Remove(const cohort::v1::GroupLease& lease) {
  absl::MutexLock lock(&mutex_);
  leases_.erase(KeyOf(lease));
}

bool HeldLeases::Lose(const cohort::v1::GroupLease& lease) {
  absl::MutexLock lock(&mutex_);
  if (leases_.erase(KeyOf(lease)) == 0) return false;
  ++num_lost_;
  return true;
}

bool HeldLeases::IsHeld(const cohort::v1::GroupLease& lease) const {
  absl::MutexLock lock(&mutex_);
  return leases_.count(KeyOf(lease)) > 0;
}

std::vector<cohort::v1::GroupLease> HeldLeases::List() const {
  absl::MutexLock lock(&mutex_);
  std::vector<cohort::v1::GroupLease> leases;
  for (const auto& [key, lease] : leases_) leases.push_back(lease);
  return leases;
}

int64_t HeldLeases::num_lost() const {
  absl::MutexLock lock(&mutex_);
  return num_lost_;
}

void HeldLeases::SetDuration(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  duration_ = duration;
}

absl::Duration HeldLeases::duration() const {
  absl::MutexLock lock(&mutex_);
  return duration_;
}

}  // namespace cohort::rollout_worker
