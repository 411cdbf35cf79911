// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_BRANCH_STATISTICS_H_
#define COHORT_OBJECTIVE_BRANCH_STATISTICS_H_

#include <limits>

namespace cohort::objective {

// Of one branch over the trained tokens of a microbatch, each with its segment's ratio.
struct BranchStatistics {
  double sum_ratio = 0;
  double min_ratio = std::numeric_limits<double>::infinity();
  double max_ratio = -std::numeric_limits<double>::infinity();
  // Tokens that the bound takes the gradient from (cispo: whose factor is the bound).
  double num_clipped_low = 0;
  double num_clipped_high = 0;
  double num_dual_clipped = 0;  // A < 0 and above dual_clip or delta
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_BRANCH_STATISTICS_H_
