// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SCORE_H_
#define COHORT_REWARD_SCORE_H_

#include <string>
#include <string_view>

#include "cohort/v1/rollout.pb.h"

namespace cohort::reward {

// The three things a verifier can say. Pure functions, thread-safe.

// Judged, and worth `value` (0 to 1).
cohort::v1::Score GradedScore(double value);
// The candidate is wrong, malformed or over a deterministic limit; `reason` is one sentence.
cohort::v1::Score WrongScore(std::string_view reason);
// The verifier could not judge; never to be counted as wrong.
cohort::v1::Score NoVerdictScore(std::string_view reason);

// Hostile text made fit for a reason: quoted, valid UTF-8 without control characters, at most about 80 bytes.
std::string Quoted(std::string_view text);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SCORE_H_
