// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_WAITING_CLAIMS_H_
#define COHORT_COORDINATOR_WAITING_CLAIMS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"

namespace cohort::coordinator {

// Groups of one job that may be claimed now, and by whom.
struct GroupOffer {
  cohort::v1::DeviceRequirement requirement;  // what a worker must have
  bool is_for_all = true;                     // false: the job has its most workers, and only these get more
  std::vector<std::string> workers;
};

// A claim that got nothing yet. Request and response are the caller's until it is answered.
struct WaitingClaim {
  const cohort::v1::ClaimGroupsRequest* request = nullptr;
  cohort::v1::ClaimGroupsResponse* response = nullptr;
  absl::Time deadline;
  std::function<void(const absl::Status&)> answer;
};

// Claims by ticket, in such orders that the next one which an offer is for is found without a look at the others: a
// thousand workers that a job has no use for cost nothing when it has groups. Not thread-safe: guarded by its owner.
class WaitingClaims final {
 public:
  // The ticket must not be here.
  void Add(int64_t ticket, WaitingClaim claim);
  // Nullopt when it is not here.
  std::optional<WaitingClaim> Take(int64_t ticket);
  // Lowest ticket above `ticket` whose worker is offered something; 0: none.
  int64_t NextAfter(int64_t ticket, const std::vector<GroupOffer>& offers) const;
  // Ticket of the claim with the earliest deadline, if that is not after `now`; 0: none.
  int64_t NextDue(absl::Time now) const;
  int64_t size() const { return static_cast<int64_t>(claims_.size()); }

 private:
  using Tickets = std::set<int64_t>;
  using Device = std::pair<std::string, int64_t>;  // kind and memory

  static Device DeviceOf(const WaitingClaim& claim);

  std::map<int64_t, WaitingClaim> claims_;
  std::set<std::pair<absl::Time, int64_t>> deadlines_;
  std::map<Device, Tickets> by_device_;
  std::map<std::string, Tickets> by_worker_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_WAITING_CLAIMS_H_
