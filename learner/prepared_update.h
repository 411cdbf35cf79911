// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_PREPARED_UPDATE_H_
#define COHORT_LEARNER_PREPARED_UPDATE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "learner/batch/microbatch.h"
#include "learner/loss_batch.h"
#include "model/parameter_map.h"
#include "objective/update_statistics.h"

namespace cohort::learner {

// One update of a step with everything that is constant during its backward passes.
struct PreparedUpdate {
  std::vector<Microbatch> microbatches;
  size_t num_passes = 0;  // that every rank makes where layers are sharded: the most microbatches of any
  // Per microbatch, on the host. The policy's own numbers are not in it; without proximal ones the policy is the
  // proximal policy.
  std::vector<TokenNumbers> numbers;
  objective::UpdateStatistics statistics;
};

// An update that a rank had to refuse because a number is not finite.
struct FailedUpdate {
  std::string message;  // names version, update and, where one is to blame, the sequence
  int64_t update = 0;   // of the step
  const PreparedUpdate* prepared = nullptr;
  bool is_measured = false;  // its statistics are known: it was refused later than when they were measured
  std::vector<int> ranks;    // that met it, rising
  // As the update began, all of them; null on ranks but the first of `ranks`.
  const model::ParameterMap* weights = nullptr;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_PREPARED_UPDATE_H_
