// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_LEASE_RELEASER_H_
#define COHORT_ROLLOUT_WORKER_LEASE_RELEASER_H_

#include <string>
#include <string_view>
#include <vector>

#include "cohort/v1/rollout_service.pb.h"
#include "rollout_worker/coordinator_client.h"
#include "rollout_worker/held_leases.h"
#include "rollout_worker/rollout_worker_metrics.h"

namespace cohort::rollout_worker {

// Gives groups back to the coordinator. Tried once: a lease that could not be released runs out. Thread-safe; the
// pointers must outlive this.
class LeaseReleaser final {
 public:
  LeaseReleaser(std::string_view worker_id, CoordinatorClient* client, HeldLeases* leases,
                RolloutWorkerMetrics* metrics)
      : worker_id_(worker_id), client_(client), leases_(leases), metrics_(metrics) {}

  // An empty `error` gives the groups back untouched; a sentence counts as a failed attempt of each.
  void Release(const std::vector<cohort::v1::GroupLease>& groups, std::string_view error);

 private:
  const std::string worker_id_;
  CoordinatorClient* const client_;
  HeldLeases* const leases_;
  RolloutWorkerMetrics* const metrics_;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_LEASE_RELEASER_H_
