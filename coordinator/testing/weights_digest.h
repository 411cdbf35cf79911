// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_WEIGHTS_DIGEST_H_
#define COHORT_COORDINATOR_TESTING_WEIGHTS_DIGEST_H_

#include <string>

#include "cohort/v1/learner_service.pb.h"
#include "common/sha256.h"
#include "coordinator/deterministic_bytes.h"

namespace cohort::coordinator {

// What ranks without a model have in the place of weights: equal digests mean the same plans in the same order. Pure.
//
// Digest of version 0.
inline std::string InitialDigest() { return common::Sha256Of("initial"); }
// Digest after a plan.
inline std::string NextDigest(const std::string& digest, const cohort::v1::StepPlan& plan) {
  return common::Sha256Of(digest + DeterministicBytes(plan));
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_WEIGHTS_DIGEST_H_
