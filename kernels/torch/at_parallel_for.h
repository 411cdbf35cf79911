// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_AT_PARALLEL_FOR_H_
#define COHORT_KERNELS_TORCH_AT_PARALLEL_FOR_H_

#include "kernels/cpu_execution.h"

namespace cohort::kernels {

// The ParallelFor of LibTorch's pool: at most at::get_num_threads() threads, one inside another parallel region. What
// the body throws, the caller gets. Thread-safe.
void AtParallelFor(int64_t count, const ParallelBody& body);

// The best instruction set on LibTorch's pool.
CpuExecution AtExecution();

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_AT_PARALLEL_FOR_H_
