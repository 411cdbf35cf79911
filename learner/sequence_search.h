// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_SEQUENCE_SEARCH_H_
#define COHORT_LEARNER_SEQUENCE_SEARCH_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "learner/batch/train_sequence.h"
#include "learner/prepared_update.h"

namespace cohort::learner {

// Microbatch `index` of an update cut into microbatches of one sequence each, with the statistics of the whole update:
// their losses and gradients add up to the microbatch's but for rounding. `sequences` is the list that it was cut from.
absl::StatusOr<PreparedUpdate> SequencesApart(const PreparedUpdate& update, const std::vector<TrainSequence>& sequences,
                                              size_t index);

// The norm of the gradient of one microbatch alone.
using GradientNormOf = std::function<absl::StatusOr<double>(const PreparedUpdate& update, size_t index)>;

// Labels of the sequences whose own gradient is not finite, in order: those of the first microbatch that has any. One
// pass per microbatch, and one per sequence of those that are not finite: at most about two updates.
absl::StatusOr<std::vector<std::string>> SequencesWithoutFiniteGradient(const PreparedUpdate& update,
                                                                        const std::vector<TrainSequence>& sequences,
                                                                        const GradientNormOf& norm_of);

// What is said of a gradient whose norm is not finite; `labels` as found above.
std::string GradientComplaint(double norm, const std::vector<std::string>& labels);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_SEQUENCE_SEARCH_H_
