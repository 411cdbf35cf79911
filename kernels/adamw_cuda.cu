// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>

#include <algorithm>

#include "kernels/adamw_cuda.h"

namespace cohort::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMaxBlocks = 4096;

// As kernels/adamw_loop.cc: the 16 upper bits, rounded to nearest even.
__device__ uint16_t RoundToBf16(float value) {
  const uint32_t bits = __float_as_uint(value);
  if (value != value) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// The _rn intrinsics keep the compiler from fusing a multiplication and an addition, which would round once, not twice.
__global__ void AdamWKernel(AdamWFactors f, int64_t count, AdamWArrays a) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += stride) {
    const float g = __fmul_rn(a.grad[i], f.gradient_scale);
    const float m = __fadd_rn(a.exp_avg[i], __fmul_rn(__fsub_rn(g, a.exp_avg[i]), f.beta1_complement));
    const float v = __fadd_rn(__fmul_rn(a.exp_avg_sq[i], f.beta2), __fmul_rn(__fmul_rn(g, g), f.beta2_complement));
    a.exp_avg[i] = m;
    a.exp_avg_sq[i] = v;
    const float denominator = __fadd_rn(__fmul_rn(__fsqrt_rn(v), f.inverse_sqrt_correction2), f.epsilon);
    const float updated = __fsub_rn(__fmul_rn(a.param[i], f.decay), __fmul_rn(f.step_size, __fdiv_rn(m, denominator)));
    a.param[i] = updated;
    if (a.param_bf16 != nullptr) a.param_bf16[i] = RoundToBf16(updated);
  }
}

}  // namespace

int AdamWStepCuda(const AdamWSettings& settings, int64_t count, const AdamWArrays& arrays, CUstream_st* stream) {
  if (count == 0) return cudaSuccess;
  const unsigned blocks = static_cast<unsigned>(std::min((count + kThreads - 1) / kThreads, kMaxBlocks));
  AdamWKernel<<<blocks, kThreads, 0, stream>>>(AdamWFactors(settings), count, arrays);
  return cudaGetLastError();
}

}  // namespace cohort::kernels
