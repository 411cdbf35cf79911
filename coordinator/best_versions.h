// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_BEST_VERSIONS_H_
#define COHORT_COORDINATOR_BEST_VERSIONS_H_

#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// Job.best_versions: what of a job's evaluations decides which checkpoints are kept. Pure.
using BestVersions = google::protobuf::RepeatedPtrField<cohort::v1::VersionAccuracy>;

// Which versions have a sealed checkpoint, and the newest of them. Checkpoints are sealed in order.
struct SealedVersions {
  std::function<bool(int64_t version)> is_sealed;
  int64_t newest = 0;
};

// Takes a result in, in place of an older one of that version, and lets go of what cannot be among the `keep_best`
// sealed ones any more. Of equal results the newer version is the better. Version 0 has no checkpoint.
void AddVersion(const cohort::v1::VersionAccuracy& result, int keep_best, const SealedVersions& sealed,
                BestVersions* best);

// Forgets the versions from `version` on: they have other weights now.
void ForgetVersionsFrom(int64_t version, BestVersions* best);

// The `keep_best` best ones that have a checkpoint.
std::vector<int64_t> KeptVersions(const BestVersions& best, int keep_best, const SealedVersions& sealed);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_BEST_VERSIONS_H_
