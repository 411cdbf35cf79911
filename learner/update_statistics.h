// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_UPDATE_STATISTICS_H_
#define COHORT_LEARNER_UPDATE_STATISTICS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "learner/loss_batch.h"
#include "model/parallel/process_group.h"
#include "objective/objective.h"

namespace cohort::learner {

// What the objective must know of one update over all ranks before its first backward: the objective's rounds, with
// their sums and maxima reduced over the group. Every rank calls it at the same time, also one without sequences.
// When ranks refuse a batch all return at the same time: INVALID_ARGUMENT on those, saying why, ABORTED on the others.
// Other errors are those of the group.
absl::StatusOr<objective::UpdateStatistics> MeasureUpdate(const objective::Objective& objective,
                                                          const std::vector<std::unique_ptr<LossBatch>>& batches,
                                                          int64_t num_groups, model::ProcessGroup* group,
                                                          const at::Device& device);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_UPDATE_STATISTICS_H_
