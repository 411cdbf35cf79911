// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/group_advantage.h"
#include "kernels/group_advantage_loop.h"

namespace cohort::kernels {
namespace {

GroupAdvantageLoopFunction LoopFunction(CpuTarget target) {
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kGroupAdvantageLoop;
    case CpuTarget::kAvx2:
      return avx2::kGroupAdvantageLoop;
    case CpuTarget::kBaseline:
      break;
  }
  return baseline::kGroupAdvantageLoop;
}

// What scales R - mean; 0 where the rewards are equal or fewer than two.
template <typename Real>
Real Factor(const GroupAdvantageSettings& settings, Real count, Real sum, Real squares) {
  if (sum == Real{0}) return 0;
  Real factor = settings.leave_one_out ? count / (count - Real{1}) : Real{1};
  if (settings.divide_by_std) {
    const Real variance = squares / (settings.population_std ? count : count - Real{1});
    factor = factor / (std::sqrt(variance) + static_cast<Real>(settings.epsilon));
  }
  return factor;
}

// The operations of group_advantage_loop.cc in the same order.
template <typename Real>
void ComputeGroup(const GroupAdvantageSettings& settings, const Real* rewards_N, const uint8_t* mask_N, int64_t size,
                  Real* advantages_N) {
  const auto has_verdict = [mask_N](int64_t n) { return mask_N == nullptr || mask_N[n] != 0; };
  Real smallest = std::numeric_limits<Real>::infinity(), count = 0, sum = 0, squares = 0;
  for (int64_t n = 0; n < size; ++n) {
    if (!has_verdict(n)) continue;
    if (rewards_N[n] < smallest) smallest = rewards_N[n];
    count += 1;
  }
  for (int64_t n = 0; n < size; ++n) {
    advantages_N[n] = has_verdict(n) ? rewards_N[n] - smallest : Real{0};
    sum += advantages_N[n];
  }
  const Real mean = sum / count;
  for (int64_t n = 0; n < size; ++n) {
    if (has_verdict(n)) advantages_N[n] -= mean;
    squares += advantages_N[n] * advantages_N[n];
  }
  const Real factor = Factor(settings, count, sum, squares);
  for (int64_t n = 0; n < size; ++n) advantages_N[n] *= factor;
}

}  // namespace

template <typename Real>
void ComputeGroupAdvantages(const GroupAdvantageSettings& settings, const GroupRewards<Real>& groups,
                            Real* advantages_GN, CpuTarget target) {
  int64_t g = 0;
  if constexpr (std::is_same_v<Real, float>) {
    if (groups.group_size <= kMaxLoopGroupSize) {
      LoopFunction(target)(settings, groups, advantages_GN);
      g = groups.num_groups / 16 * 16;
    }
  }
  for (; g < groups.num_groups; ++g) {
    const int64_t first = g * groups.group_size;
    ComputeGroup(settings, groups.rewards_GN + first, groups.mask_GN == nullptr ? nullptr : groups.mask_GN + first,
                 groups.group_size, advantages_GN + first);
  }
}

template void ComputeGroupAdvantages<float>(const GroupAdvantageSettings&, const GroupRewards<float>&, float*,
                                            CpuTarget);
template void ComputeGroupAdvantages<double>(const GroupAdvantageSettings&, const GroupRewards<double>&, double*,
                                             CpuTarget);

}  // namespace cohort::kernels
