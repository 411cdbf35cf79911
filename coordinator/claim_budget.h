// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CLAIM_BUDGET_H_
#define COHORT_COORDINATOR_CLAIM_BUDGET_H_

#include <algorithm>
#include <cstdint>

namespace cohort::coordinator {

// What one claim may still take: groups, and bytes of the answer, which is one message of at most 4 MiB. The first
// group is always allowed.
struct ClaimBudget {
  static constexpr int64_t kFramingBytes = 256;  // of a group, with its share of the weight sources

  int num_groups = 0;
  int64_t num_bytes = int64_t{7} << 19;  // 3.5 MiB
  bool is_untouched = true;

  // No more than so many can fit: no others are leased only to be given back.
  int MaxGroups() const {
    const int64_t num_fitting = (num_bytes + kFramingBytes - 1) / kFramingBytes;
    return static_cast<int>(std::min<int64_t>(num_groups, std::max<int64_t>(num_fitting, is_untouched ? 1 : 0)));
  }

  // False, and nothing is taken, when a group of so many bytes does not fit any more.
  bool Take(int64_t group_bytes) {
    if (!is_untouched && group_bytes > num_bytes) return false;
    --num_groups;
    num_bytes -= group_bytes + kFramingBytes;
    is_untouched = false;
    return true;
  }
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CLAIM_BUDGET_H_
