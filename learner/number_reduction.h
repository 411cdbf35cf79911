// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_NUMBER_REDUCTION_H_
#define COHORT_LEARNER_NUMBER_REDUCTION_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

// Host numbers over all ranks: every sum becomes the sum of the ranks' values, every maximum the largest of them, in
// two collectives on `device`; a list without numbers takes none. Every rank calls it at the same time with lists of
// the same lengths. Errors are those of the group, and the lists are then of no use; throws c10::Error when a tensor
// cannot be made or copied. Not thread-safe, as the group.
absl::Status ReduceNumbers(model::ProcessGroup* group, const at::Device& device, std::vector<double>* sums,
                           std::vector<double>* maxima);

// The ranks that say yes, rising; every rank calls it at the same time and gets the same answer. Errors are those of
// the group; throws nothing.
absl::StatusOr<std::vector<int>> RanksThat(bool is_one, model::ProcessGroup* group, const at::Device& device);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_NUMBER_REDUCTION_H_
