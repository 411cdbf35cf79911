// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_VERSION_PUBLISHER_H_
#define COHORT_LEARNER_VERSION_PUBLISHER_H_

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/learner_service.pb.h"
#include "learner/gang_membership.h"
#include "learner/learner_client.h"
#include "model/parameter_map.h"
#include "model/weight_sync/weight_publisher.h"

namespace cohort::learner {

// Whether someone may claim this version: rollout groups of an RLVR job any; of an SFT job the last one, and those at
// which an evaluation is due.
bool IsClaimable(const cohort::v1::JobSpec& spec, int64_t policy_version);

// Rank 0's side of weight sync for one job: copies a version into the weight service and announces it. Not thread-safe;
// the pointers must outlive it.
class VersionPublisher final {
 public:
  VersionPublisher(const cohort::v1::JoinGangResponse& place, std::string service_address,
                   model::WeightPublisher* publisher, LearnerClient* client, const GangMembership* membership);

  // Copies and hashes; returns the digest.
  absl::StatusOr<std::string> Hold(int64_t policy_version, const model::ParameterMap& parameters);
  // Announces a version that is held, and lets go of those that nobody needs any more.
  absl::Status Announce(int64_t policy_version, const std::string& digest);
  // As the coordinator last said: groups may still be sampled by versions from this one on. No limit before that.
  int64_t oldest_needed_version() const { return oldest_needed_version_; }

 private:
  const std::string job_;
  const int64_t incarnation_;
  const std::string service_address_;
  model::WeightPublisher* const publisher_;
  LearnerClient* const client_;
  const GangMembership* const membership_;
  int64_t oldest_needed_version_ = std::numeric_limits<int64_t>::max();
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_VERSION_PUBLISHER_H_
