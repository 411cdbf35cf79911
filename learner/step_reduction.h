// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_STEP_REDUCTION_H_
#define COHORT_LEARNER_STEP_REDUCTION_H_

#include <ATen/core/Tensor.h>

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "learner/step_totals.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

// Makes `totals` those of all ranks, and `timings` the largest of theirs (RankTimingTable), and holds the ranks'
// weights against each other: DATA_LOSS when their digests differ. Every rank calls it at the same time, with as many
// timings.
absl::Status ReduceOverRanks(model::ProcessGroup* group, const at::Device& device, std::string_view weight_digest,
                             StepTotals* totals, std::vector<double>* timings);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_STEP_REDUCTION_H_
