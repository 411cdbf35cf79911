// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FAILURE_FAILURE_JSON_H_
#define COHORT_LEARNER_FAILURE_FAILURE_JSON_H_

// Torch-free.
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "learner/failure/failed_step.h"

namespace cohort::learner {

// failure.json: what a FailedStep says in a few numbers and words; the run, the payload and the tokens' numbers are in
// other files. JSON has no word for a number that is not finite: it is null there, and NaN when it is read.
std::string EncodeFailure(const FailedStep& step);
// INVALID_ARGUMENT says what is missing, of the wrong type or no rank of its world.
absl::Status DecodeFailure(std::string_view text, FailedStep* step);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FAILURE_FAILURE_JSON_H_
