// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_GANG_REQUESTS_H_
#define COHORT_COORDINATOR_TESTING_GANG_REQUESTS_H_

#include <cstdint>
#include <string>

#include "cohort/v1/learner_service.pb.h"

namespace cohort::coordinator {

// What the rank at a place says of a version of its job. Pure.
//
// Any such request, begun.
template <typename Request>
Request RequestAt(const cohort::v1::JoinGangResponse& place, int64_t version) {
  Request request;
  request.set_job(place.job());
  request.set_incarnation(place.incarnation());
  request.set_version(version);
  return request;
}

// Without a wait.
inline cohort::v1::GetStepRequest StepRequest(const cohort::v1::JoinGangResponse& place, int64_t version) {
  auto request = RequestAt<cohort::v1::GetStepRequest>(place, version);
  request.set_rank(place.rank());
  request.set_world_size(place.world_size());
  return request;
}

// Of weights that nobody fetches.
inline cohort::v1::PublishVersionRequest PublishRequest(const cohort::v1::JoinGangResponse& place, int64_t version,
                                                        const std::string& digest) {
  auto request = RequestAt<cohort::v1::PublishVersionRequest>(place, version);
  request.set_address("127.0.0.1:1");
  request.set_digest(digest);
  return request;
}

// Without metrics.
inline cohort::v1::CommitStepRequest CommitRequest(const cohort::v1::JoinGangResponse& place, int64_t version,
                                                   const std::string& digest) {
  auto request = RequestAt<cohort::v1::CommitStepRequest>(place, version);
  request.set_digest(digest);
  return request;
}

inline cohort::v1::SealCheckpointRequest SealRequest(const cohort::v1::JoinGangResponse& place, int64_t version,
                                                     const std::string& path, const std::string& digest) {
  auto request = RequestAt<cohort::v1::SealCheckpointRequest>(place, version);
  request.set_path(path);
  request.set_digest(digest);
  return request;
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_GANG_REQUESTS_H_
