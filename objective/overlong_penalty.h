// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_OVERLONG_PENALTY_H_
#define COHORT_OBJECTIVE_OVERLONG_PENALTY_H_

#include <cstdint>

#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

// Soft overlong punishment of DAPO, arXiv 2503.14476, equation 13, with L = max_tokens and C = buffer_tokens:
//
//   0                    n <= L - C
//   ((L - C) - n) / C    L - C < n <= L
//   -1                   n > L
//
// 0 when L is 0 (off). Pure.
double OverlongPenalty(const cohort::v1::OverlongPenaltySpec& spec, int64_t num_tokens);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_OVERLONG_PENALTY_H_
