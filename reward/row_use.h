// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_ROW_USE_H_
#define COHORT_REWARD_ROW_USE_H_

#include <algorithm>

#include "cohort/v1/reward_spec.pb.h"

namespace cohort::reward {

// Whether some verifier of the rubric may read Problem.row_json. Where none does, groups go to their workers without
// it: it repeats prompt and answer, and is the larger half of an assignment.
inline bool MayReadRow(const cohort::v1::RewardSpec& spec) {
  return std::any_of(spec.verifiers().begin(), spec.verifiers().end(), [](const auto& verifier) {
    return verifier.verifier_case() != cohort::v1::VerifierSpec::kMathAnswer;
  });
}

// Some verifier compares with the mapped answer of the row.
inline bool NeedsAnswer(const cohort::v1::RewardSpec& spec) {
  return std::any_of(spec.verifiers().begin(), spec.verifiers().end(),
                     [](const auto& verifier) { return verifier.has_math_answer(); });
}

}  // namespace cohort::reward

#endif  // COHORT_REWARD_ROW_USE_H_
