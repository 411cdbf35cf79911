// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_LOGPROB_CUDA_H_
#define COHORT_KERNELS_LOGPROB_CUDA_H_

// kernels/logprob.h on a CUDA device. All pointers, those in LogprobRows included, are device memory.
//
// One block of 256 threads per row. Thread i reduces logits i, i + 256, ... in ascending order in fp32; the threads are
// merged in one fixed tree. So a row's result depends on the row alone, run after run. It differs from the CPU's in the
// last bits. Logits are fp32 or bf16; arithmetic and outputs are fp32. Bytes moved: the logits once forward; read twice
// and written once backward.
//
// Calls enqueue on `stream` and return without waiting; inputs may be reused once the stream has passed. They return a
// cudaError_t (0 is success). Every call is safe from any thread.

#include <cstdint>

#include "kernels/logprob.h"

struct CUstream_st;

namespace cohort::kernels {

enum class LogitType : int32_t { kFloat32 = 0, kBfloat16 = 1 };

// entropies_T may be null.
int LogprobForwardCuda(const LogprobRows& rows, LogitType type, const void* logits_TV, float* logprobs_T,
                       float* entropies_T, CUstream_st* stream);

// entropy_grad_T may be null.
int LogprobBackwardInPlaceCuda(const LogprobRows& rows, LogitType type, const float* grad_T,
                               const float* entropy_grad_T, void* logits_TV, CUstream_st* stream);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_LOGPROB_CUDA_H_
