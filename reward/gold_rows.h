// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_GOLD_ROWS_H_
#define COHORT_REWARD_GOLD_ROWS_H_

#include <string>
#include <vector>

#include "cohort/v1/reward_spec.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "gtest/gtest.h"

namespace cohort::reward {

// For tests: the rows of a JSONL file as problems whose ground truth is the field `answer_field`. Fails the test if the
// file cannot be read.
std::vector<cohort::v1::Problem> ReadGoldRows(const std::string& path, const std::string& answer_field);

// Every ground truth passes CheckGold, and as a completion it is graded 1 by `verifier`.
void ExpectGoldsAreGradedOne(const std::vector<cohort::v1::Problem>& problems,
                             const cohort::v1::VerifierSpec& verifier);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_GOLD_ROWS_H_
