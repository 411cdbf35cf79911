// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FAILURE_TOKEN_LISTS_H_
#define COHORT_LEARNER_FAILURE_TOKEN_LISTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learner/prepared_update.h"

namespace cohort::learner {

// What is known of an update's trained tokens before its first backward pass, as FailedStep.numbers holds it: one list
// over all microbatches per tensor of TokenNumbers that is defined in them, by its name.
using TokenLists = std::map<std::string, std::vector<float>>;

absl::StatusOr<TokenLists> TokenListsOf(const PreparedUpdate& update);
// The other way, into the numbers of an update whose microbatches are there. DATA_LOSS: a list has another length, or a
// name that is not known.
absl::Status SetTokenLists(const TokenLists& lists, PreparedUpdate* update);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FAILURE_TOKEN_LISTS_H_
