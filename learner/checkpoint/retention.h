// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_RETENTION_H_
#define COHORT_LEARNER_CHECKPOINT_RETENTION_H_

// Torch-free.
#include <cstdint>
#include <limits>
#include <vector>

namespace cohort::learner {

// Which sealed checkpoints of a job stay: a version that any of these names.
struct RetentionPolicy {
  int64_t keep_last = 1;           // the newest ones, at least 1
  int64_t keep_every = 0;          // versions that are a multiple of it; 0: none
  std::vector<int64_t> kept_best;  // by evaluation
  // Recovery may replay the versions from this one on: the newest checkpoint up to it stays, and all after that.
  int64_t needed_version = std::numeric_limits<int64_t>::max();
  // The newest one that was recorded. Those above it are not counted and not touched: another gang's, perhaps of a line
  // of history that was left. PruneCheckpoints alone looks at it, and at the gang that recorded it.
  int64_t recorded_version = std::numeric_limits<int64_t>::max();
  int64_t incarnation = std::numeric_limits<int64_t>::max();
};

// Of `versions`, newest first, those that may be removed, in the same order. Pure.
std::vector<int64_t> SurplusVersions(const std::vector<int64_t>& versions, const RetentionPolicy& policy);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_RETENTION_H_
