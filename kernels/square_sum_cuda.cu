// SPDX-License-Identifier: Apache-2.0
// Two launches: every block leaves its sum in the workspace, one block adds those.
#include <cuda_runtime.h>

#include "kernels/square_sum_cuda.h"

namespace cohort::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocks = 2048;  // more than are resident at once, so that none waits long for the last

// The sum of the threads' numbers, for thread 0.
__device__ double BlockSum(double mine) {
  __shared__ double shared[kThreads];
  shared[threadIdx.x] = mine;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  return shared[0];
}

__global__ void SumBlocks(int64_t count, const float* values, double* block_sums) {
  double mine = 0;
  const int64_t stride = int64_t{kBlocks} * kThreads;
#pragma unroll 4
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += stride) {
    const double value = values[i];
    mine += value * value;
  }
  const double sum = BlockSum(mine);
  if (threadIdx.x == 0) block_sums[blockIdx.x] = sum;
}

__global__ void AddBlocks(const double* block_sums, double* sum) {
  double mine = 0;
  for (int i = threadIdx.x; i < kBlocks; i += kThreads) mine += block_sums[i];
  const double total = BlockSum(mine);
  if (threadIdx.x == 0) *sum = total;
}

}  // namespace

int64_t SquareSumCudaWorkspaceDoubles() { return kBlocks; }

int SquareSumCuda(int64_t count, const float* values, double* sum, double* workspace, CUstream_st* stream) {
  SumBlocks<<<kBlocks, kThreads, 0, stream>>>(count, values, workspace);
  AddBlocks<<<1, kThreads, 0, stream>>>(workspace, sum);
  return cudaGetLastError();
}

}  // namespace cohort::kernels
