// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>
#include <math_constants.h>

#include "kernels/group_advantage_cuda.h"

namespace cohort::kernels {
namespace {

constexpr int kThreads = 128;

// Products and sums that are never fused: the CPU has no fused ones.
__device__ float Multiply(float a, float b) { return __fmul_rn(a, b); }
__device__ double Multiply(double a, double b) { return __dmul_rn(a, b); }
__device__ float SquareRoot(float a) { return __fsqrt_rn(a); }
__device__ double SquareRoot(double a) { return __dsqrt_rn(a); }

template <typename Real>
__device__ Real Factor(const GroupAdvantageSettings& settings, Real count, Real sum, Real squares) {
  if (sum == Real{0}) return 0;
  Real factor = settings.leave_one_out ? count / (count - Real{1}) : Real{1};
  if (settings.divide_by_std) {
    const Real variance = squares / (settings.population_std ? count : count - Real{1});
    factor = factor / (SquareRoot(variance) + static_cast<Real>(settings.epsilon));
  }
  return factor;
}

template <typename Real>
__global__ void GroupKernel(GroupAdvantageSettings settings, GroupRewards<Real> groups, Real* advantages_GN) {
  const int64_t g = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (g >= groups.num_groups) return;
  const int64_t first = g * groups.group_size, size = groups.group_size;
  const Real* rewards_N = groups.rewards_GN + first;
  const uint8_t* mask_N = groups.mask_GN == nullptr ? nullptr : groups.mask_GN + first;
  Real* advantages_N = advantages_GN + first;
  const auto has_verdict = [mask_N](int64_t n) { return mask_N == nullptr || mask_N[n] != 0; };
  Real smallest = static_cast<Real>(CUDART_INF), count = 0, sum = 0, squares = 0;
  for (int64_t n = 0; n < size; ++n) {
    if (!has_verdict(n)) continue;
    if (rewards_N[n] < smallest) smallest = rewards_N[n];
    count += 1;
  }
  for (int64_t n = 0; n < size; ++n) {
    if (has_verdict(n)) sum += rewards_N[n] - smallest;
  }
  const Real mean = sum / count;
  for (int64_t n = 0; n < size; ++n) {
    const Real difference = has_verdict(n) ? (rewards_N[n] - smallest) - mean : Real{0};
    squares += Multiply(difference, difference);
    advantages_N[n] = difference;
  }
  const Real factor = Factor(settings, count, sum, squares);
  for (int64_t n = 0; n < size; ++n) advantages_N[n] = Multiply(advantages_N[n], factor);
}

}  // namespace

template <typename Real>
int ComputeGroupAdvantagesCuda(const GroupAdvantageSettings& settings, const GroupRewards<Real>& groups,
                               Real* advantages_GN, CUstream_st* stream) {
  if (groups.num_groups == 0) return cudaSuccess;
  const unsigned blocks = static_cast<unsigned>((groups.num_groups + kThreads - 1) / kThreads);
  GroupKernel<<<blocks, kThreads, 0, stream>>>(settings, groups, advantages_GN);
  return cudaGetLastError();
}

template int ComputeGroupAdvantagesCuda<float>(const GroupAdvantageSettings&, const GroupRewards<float>&, float*,
                                               CUstream_st*);
template int ComputeGroupAdvantagesCuda<double>(const GroupAdvantageSettings&, const GroupRewards<double>&, double*,
                                                CUstream_st*);

}  // namespace cohort::kernels
