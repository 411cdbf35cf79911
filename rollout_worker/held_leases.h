// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_HELD_LEASES_H_
#define COHORT_ROLLOUT_WORKER_HELD_LEASES_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"

namespace cohort::rollout_worker {

// The lease that came with an assignment.
cohort::v1::GroupLease LeaseOf(const cohort::v1::GroupAssignment& assignment);

// Leases that this worker believes to hold, from claim to submit or release. Thread-safe.
class HeldLeases final {
 public:
  // False when it is held already: nothing changes.
  bool Add(const cohort::v1::GroupLease& lease) ABSL_LOCKS_EXCLUDED(mutex_);
  // Submitted, released or lost; unknown leases are ignored.
  void Remove(const cohort::v1::GroupLease& lease) ABSL_LOCKS_EXCLUDED(mutex_);
  // Removes a lease that the coordinator has given to others; false when it was not held.
  bool Lose(const cohort::v1::GroupLease& lease) ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsHeld(const cohort::v1::GroupLease& lease) const ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<cohort::v1::GroupLease> List() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Rises with every lost lease, so that holders need to look only after a change.
  int64_t num_lost() const ABSL_LOCKS_EXCLUDED(mutex_);

  // How long leases last without a heartbeat, as the coordinator said last.
  void SetDuration(absl::Duration duration) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Duration duration() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Job, group, coordinator epoch, attempt.
  using Key = std::tuple<std::string, int64_t, int64_t, int32_t>;
  static Key KeyOf(const cohort::v1::GroupLease& lease);

  mutable absl::Mutex mutex_;
  std::map<Key, cohort::v1::GroupLease> leases_ ABSL_GUARDED_BY(mutex_);
  int64_t num_lost_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration duration_ ABSL_GUARDED_BY(mutex_) = absl::Milliseconds(1500);  // short until it is known
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_HELD_LEASES_H_
