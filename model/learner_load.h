// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LEARNER_LOAD_H_
#define COHORT_MODEL_LEARNER_LOAD_H_

// Torch-free.
#include <cstdint>

#include "cohort/v1/job.pb.h"
#include "model/memory_estimate.h"

namespace cohort::model {

// What a training job asks of one learner rank at most: the packing of the learner (learner/batch) at its fullest.
// Other fields than the objective, which must be resolved, may be left to their defaults. `longest_sequence_tokens` is
// what prompt and completion of one rollout have at most, or a demonstration; 0 when that is not known. Numbers are
// those of a valid job. Pure.
LearnerLoad LearnerLoadOf(const cohort::v1::JobSpec& spec, int64_t longest_sequence_tokens);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LEARNER_LOAD_H_
