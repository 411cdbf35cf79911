// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_LEASE_TABLE_H_
#define COHORT_COORDINATOR_LEASE_TABLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "cohort/v1/rollout.pb.h"

namespace cohort::coordinator {

// A lease that is no more.
struct EndedLease {
  int64_t group_id = 0;
  std::string worker_id;
};

// Who samples which group of one job until when. In memory only: after a restart every unscored group waits again. Time
// is what the caller's monotonic clock says. Not thread-safe: guarded by its owner.
class LeaseTable final {
 public:
  explicit LeaseTable(absl::Duration duration) : duration_(duration) {}

  // The group must not be leased.
  void Grant(int64_t group_id, std::string_view worker_id, const cohort::v1::LeaseToken& token, absl::Duration now);
  // Grants a lease of a former coordinator process, at most once for each group.
  void TakeOver(int64_t group_id, std::string_view worker_id, const cohort::v1::LeaseToken& token, absl::Duration now);
  // One that was taken over and has ended is as lost as any other.
  bool WasTakenOver(int64_t group_id) const { return taken_over_.count(group_id) > 0; }
  // Prolongs the lease; false when this token does not hold it.
  bool Renew(int64_t group_id, const cohort::v1::LeaseToken& token, absl::Duration now);
  bool Holds(int64_t group_id, const cohort::v1::LeaseToken& token) const;
  bool IsLeased(int64_t group_id) const { return leases_.count(group_id) > 0; }
  void End(int64_t group_id);
  // The worker that holds the lease of a group; empty when none does.
  std::string WorkerOf(int64_t group_id) const;
  // Nobody could renew for this long by our fault: all leases last so much longer.
  void Extend(absl::Duration duration) { extension_ += duration; }
  // Removes the leases that have run out and returns them, by group. Costs nothing while none has.
  std::vector<EndedLease> TakeExpired(absl::Duration now);
  // The same for all leases.
  std::vector<EndedLease> TakeAll();
  // Workers that hold leases, by id, and how many.
  const std::map<std::string, int64_t, std::less<>>& LeasesByWorker() const { return by_worker_; }
  // When the lease was granted; nullopt when this token does not hold it, or got it from a former process.
  std::optional<absl::Duration> GrantedAt(int64_t group_id, const cohort::v1::LeaseToken& token) const;
  // How many workers besides this one hold leases.
  int64_t NumOtherWorkers(std::string_view worker_id) const;
  int64_t size() const { return static_cast<int64_t>(leases_.size()); }

 private:
  using Workers = std::map<std::string, int64_t, std::less<>>;
  struct Lease {
    Workers::iterator worker;  // in by_worker_
    int64_t coordinator_epoch = 0;
    int32_t attempt = 0;
    absl::Duration granted;
    absl::Duration end;  // without extension_
  };

  void CountLess(Workers::iterator worker);

  const absl::Duration duration_;
  absl::Duration extension_;  // of all leases; part of no `end`
  std::map<int64_t, Lease> leases_;
  std::set<std::pair<absl::Duration, int64_t>> ends_;  // (end, group) of each
  std::set<int64_t> taken_over_;                       // of what was in flight at the start of the process
  Workers by_worker_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_LEASE_TABLE_H_
