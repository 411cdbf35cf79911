// SPDX-License-Identifier: Apache-2.0
#include "learner/version_publisher.h"

#include <utility>

#include "common/status_macros.h"

namespace cohort::learner {

bool IsClaimable(const cohort::v1::JobSpec& spec, int64_t policy_version) {
  if (spec.has_rlvr()) return true;
  if (policy_version >= spec.training().num_steps()) return true;
  if (!spec.has_evaluation()) return false;
  const int64_t every_steps = spec.evaluation().every_steps();
  return policy_version == 0 || (every_steps > 0 && policy_version % every_steps == 0);
}

VersionPublisher::VersionPublisher(const cohort::v1::JoinGangResponse& place, std::string service_address,
                                   model::WeightPublisher* publisher, LearnerClient* client,
                                   const GangMembership* membership)
    : job_(place.job()),
      incarnation_(place.incarnation()),
      service_address_(std::move(service_address)),
      publisher_(publisher),
      client_(client),
      membership_(membership) {}

absl::StatusOr<std::string> VersionPublisher::Hold(int64_t policy_version, const model::ParameterMap& parameters) {
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::WeightManifest manifest,
                          publisher_->Publish(job_, policy_version, parameters));
  return manifest.digest();
}

absl::Status VersionPublisher::Announce(int64_t policy_version, const std::string& digest) {
  cohort::v1::PublishVersionRequest request;
  request.set_job(job_);
  request.set_incarnation(incarnation_);
  request.set_version(policy_version);
  request.set_address(service_address_);
  request.set_digest(digest);
  absl::StatusOr<cohort::v1::PublishVersionResponse> response;
  COHORT_RETURN_IF_ERROR(membership_->Persist([&] {
    response = client_->PublishVersion(request);
    return response.status();
  }));
  oldest_needed_version_ = response->oldest_needed_version();
  publisher_->Retire(job_, oldest_needed_version_);
  return absl::OkStatus();
}

}  // namespace cohort::learner
