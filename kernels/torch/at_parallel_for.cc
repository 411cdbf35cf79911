// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/at_parallel_for.h"

#include <ATen/Parallel.h>

#ifndef _OPENMP
#error "without -fopenmp at::parallel_for runs on one thread"
#endif

namespace cohort::kernels {

void AtParallelFor(int64_t count, const ParallelBody& body) { at::parallel_for(0, count, /*grain_size=*/1, body); }

CpuExecution AtExecution() { return {BestCpuTarget(), AtParallelFor}; }

}  // namespace cohort::kernels
