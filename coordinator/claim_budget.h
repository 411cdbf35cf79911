// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CLAIM_BUDGET_H_
#define COHORT_COORDINATOR_CLAIM_BUDGET_H_

#include <cstdint>

namespace cohort::coordinator {

// What one claim may still take: groups, and bytes of the answer, which is one message of at most 4 MiB. The first
// group is always allowed.
struct ClaimBudget {
  int num_groups = 0;
  int64_t num_bytes = int64_t{7} << 19;  // 3.5 MiB
  bool is_untouched = true;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CLAIM_BUDGET_H_
