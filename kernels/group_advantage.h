// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_GROUP_ADVANTAGE_H_
#define COHORT_KERNELS_GROUP_ADVANTAGE_H_

// Advantages of the samples of a group relative to each other.
//
//   R_i    reward, n rewards of the group with a verdict; statistics are over those
//   D_i    = R_i - mean(R), or n / (n - 1) times that (leave-one-out: R_i minus the mean of the others)
//   A_i    = D_i / (std(R) + epsilon), or D_i
//   std    = sqrt(sum (R_i - mean)^2 / (n - 1)), or / n (population)
//
// Exactly 0: samples without a verdict, groups with fewer than two verdicts, groups of equal rewards (whatever
// epsilon).
//
// Reduction order: rewards are summed in sample order as differences from the group's smallest, then the squares, in
// the type of the rewards. A group's advantages depend on the group alone; for float the bits are the same under every
// instruction set.

#include <cstdint>

#include "kernels/cpu_target.h"

namespace cohort::kernels {

struct GroupAdvantageSettings {
  bool leave_one_out = false;
  bool divide_by_std = true;
  bool population_std = false;
  double epsilon = 0;  // at least 0
};

// Shapes: G groups, N samples of a group. Dense, row-major, owned by the caller.
template <typename Real>
struct GroupRewards {
  const Real* rewards_GN;
  const uint8_t* mask_GN = nullptr;  // 0: no verdict; null: every sample has one
  int64_t num_groups = 0;
  int64_t group_size = 0;
};

// Writes advantages_GN, which may be rewards_GN itself. A NaN reward with a verdict reaches its whole group.
// Instantiated for float and double; keeps no state.
template <typename Real>
void ComputeGroupAdvantages(const GroupAdvantageSettings& settings, const GroupRewards<Real>& groups,
                            Real* advantages_GN, CpuTarget target = BestCpuTarget());

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_GROUP_ADVANTAGE_H_
