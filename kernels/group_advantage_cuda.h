// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_GROUP_ADVANTAGE_CUDA_H_
#define COHORT_KERNELS_GROUP_ADVANTAGE_CUDA_H_

#include "kernels/group_advantage.h"

struct CUstream_st;

namespace cohort::kernels {

// kernels/group_advantage.h on device memory, one thread per group: the CPU's operations in the CPU's order, so the
// bits are the CPU's. Enqueues on `stream` and returns a cudaError_t (0 is success). Instantiated for float and double.
template <typename Real>
int ComputeGroupAdvantagesCuda(const GroupAdvantageSettings& settings, const GroupRewards<Real>& groups,
                               Real* advantages_GN, CUstream_st* stream);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_GROUP_ADVANTAGE_CUDA_H_
