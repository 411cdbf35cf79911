// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_VERSION_DIGEST_H_
#define COHORT_LEARNER_VERSION_DIGEST_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "learner/train_state.h"
#include "model/parallel/process_group.h"
#include "model/parameter_map.h"

namespace cohort::learner {

// Digests of one policy version (model/weight_sync/manifest_digest.h), 32 bytes each, the same on all ranks.
struct VersionDigest {
  std::string weights;   // of all parameters
  std::string compared;  // of those that every rank has whole, by itself: where ranks differ, one of them is wrong
};

// Every rank calls it at the same time. `digest_of` gives the digest of all parameters; where ranks share layers it is
// called on rank 0 alone, with a copy in host memory that goes when it returns, and the peers wait however long it
// takes, with a sign of life every `pulse`. Errors are those of `digest_of` and of the group.
absl::StatusOr<VersionDigest> DigestVersion(
    const TrainState& state, model::ProcessGroup* group, absl::Duration pulse,
    const std::function<absl::StatusOr<std::string>(const model::ParameterMap& parameters)>& digest_of);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_VERSION_DIGEST_H_
