// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_OPTIM_SCHEDULE_H_
#define COHORT_LEARNER_OPTIM_SCHEDULE_H_

// Torch-free.
#include <cstdint>

#include "cohort/v1/optimizer_spec.pb.h"

namespace cohort::learner {

// Learning rate of update `update` (from 0) of `num_updates`: (update + 1) / warmup_updates of the full rate while
// warming up, then the schedule, whose falling shapes reach 0 when the last update is done. Pure.
double LearningRate(const cohort::v1::OptimizerSpec& spec, int64_t update, int64_t num_updates);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_OPTIM_SCHEDULE_H_
