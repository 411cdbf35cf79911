// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_OFFLINE_CREDIT_H_
#define COHORT_OBJECTIVE_OFFLINE_CREDIT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/credit.h"
#include "objective/input_sequence.h"
#include "objective/resolution_context.h"

namespace cohort::objective {

// Where each sequence is in its group; groups in order of appearance.
struct Grouping {
  std::vector<size_t> group_of;
  std::vector<size_t> sibling_of;
  std::vector<std::vector<size_t>> members;
};

Grouping GroupUp(const std::vector<InputSequence>& sequences);

// "line 3: <why>".
absl::Status LineError(const InputSequence& sequence, const std::string& why);

// What the lines say about a job that would have sampled them. `max_completion_tokens` 0: the longest sequence.
ResolutionContext ContextOf(const cohort::v1::ObjectiveSpec& spec, int64_t max_completion_tokens,
                            const std::vector<InputSequence>& sequences, const Grouping& grouping);

// Credit by sequence: the advantages that are given, or those of the rewards; a line with neither has no verdict. All
// lines give advantages or none. `verifier_weights` empty: 1 each.
absl::StatusOr<std::vector<SequenceCredit>> CreditsOf(const cohort::v1::ObjectiveSpec& spec,
                                                      std::span<const double> verifier_weights,
                                                      const std::vector<InputSequence>& sequences,
                                                      const Grouping& grouping);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_OFFLINE_CREDIT_H_
