// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ADAMW_CUDA_H_
#define COHORT_KERNELS_ADAMW_CUDA_H_

#include <cstdint>

#include "kernels/adamw_factors.h"

struct CUstream_st;

namespace cohort::kernels {

// kernels/adamw.h on device memory, with its rounding: bit-equal with the CPU. Enqueues on `stream` and returns a
// cudaError_t (0 is success); safe from any thread. Reads 16 and writes 12 bytes per element,
// 14 with the cast to bfloat16.
int AdamWStepCuda(const AdamWSettings& settings, int64_t count, const AdamWArrays& arrays, CUstream_st* stream);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ADAMW_CUDA_H_
