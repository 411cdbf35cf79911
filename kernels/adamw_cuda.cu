// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>

#include <algorithm>

#include "kernels/adamw_cuda.h"

namespace cohort::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMaxBlocks = 4096;

// The _rn intrinsics keep the compiler from fusing a multiplication and an addition, which would round once, not twice.
__global__ void AdamWKernel(AdamWFactors f, int64_t count, float* param, const float* grad, float* exp_avg,
                            float* exp_avg_sq) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += stride) {
    const float g = __fmul_rn(grad[i], f.gradient_scale);
    const float m = __fadd_rn(exp_avg[i], __fmul_rn(__fsub_rn(g, exp_avg[i]), f.beta1_complement));
    const float v = __fadd_rn(__fmul_rn(exp_avg_sq[i], f.beta2), __fmul_rn(__fmul_rn(g, g), f.beta2_complement));
    exp_avg[i] = m;
    exp_avg_sq[i] = v;
    const float denominator = __fadd_rn(__fmul_rn(__fsqrt_rn(v), f.inverse_sqrt_correction2), f.epsilon);
    param[i] = __fsub_rn(__fmul_rn(param[i], f.decay), __fmul_rn(f.step_size, __fdiv_rn(m, denominator)));
  }
}

}  // namespace

int AdamWStepCuda(const AdamWSettings& settings, int64_t count, float* param, const float* grad, float* exp_avg,
                  float* exp_avg_sq, CUstream_st* stream) {
  if (count == 0) return cudaSuccess;
  const unsigned blocks = static_cast<unsigned>(std::min((count + kThreads - 1) / kThreads, kMaxBlocks));
  AdamWKernel<<<blocks, kThreads, 0, stream>>>(AdamWFactors(settings), count, param, grad, exp_avg, exp_avg_sq);
  return cudaGetLastError();
}

}  // namespace cohort::kernels
