// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SQUARE_SUM_CUDA_H_
#define COHORT_KERNELS_SQUARE_SUM_CUDA_H_

// kernels/square_sum.h on a CUDA device: one read of the array. All pointers are device memory.
//
// A fixed grid of threads adds the squares, exact in fp64, of every grid-th number in ascending order; the threads of a
// block, and then the blocks, are added in one fixed tree. So the bits are the same run after run, and differ from the
// CPU's in the last ones.

#include <cstdint>

struct CUstream_st;

namespace cohort::kernels {

// Doubles of scratch memory that a call needs.
int64_t SquareSumCudaWorkspaceDoubles();

// Writes the sum to *sum. Enqueues on `stream` and returns a cudaError_t (0 is success) without waiting; arguments may
// be reused once the stream has passed. Safe from any thread; calls that run at the same time need workspaces of their
// own.
int SquareSumCuda(int64_t count, const float* values, double* sum, double* workspace, CUstream_st* stream);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SQUARE_SUM_CUDA_H_
