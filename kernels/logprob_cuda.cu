// SPDX-License-Identifier: Apache-2.0
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <math_constants.h>

#include "kernels/logprob_cuda.h"

namespace cohort::kernels {
namespace {

constexpr int kThreads = 256;

__device__ float AsFloat(float x) { return x; }
__device__ float AsFloat(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ void Assign(float* to, float x) { *to = x; }
__device__ void Assign(__nv_bfloat16* to, float x) { *to = __float2bfloat16(x); }

// Over some logits z: the largest, the sum of e = exp(z - max), and the sum of (z - max) e.
struct Sums {
  float max;
  float sum;
  float weighted_sum;
};

__device__ Sums EmptySums() { return {-CUDART_INF_F, 0.0f, 0.0f}; }

// The same sums about a larger maximum. Nothing to move while the sums are empty.
__device__ Sums MovedTo(Sums s, float max) {
  if (s.sum == 0.0f || s.max == max) return {max, s.sum, s.weighted_sum};
  const float shift = s.max - max;
  const float rescale = expf(shift);
  return {max, s.sum * rescale, rescale * (s.weighted_sum + shift * s.sum)};
}

// fmaxf drops NaN; then the sums carry it.
__device__ Sums Merge(Sums a, Sums b) {
  const float max = fmaxf(a.max, b.max);
  a = MovedTo(a, max);
  b = MovedTo(b, max);
  return {max, a.sum + b.sum, a.weighted_sum + b.weighted_sum};
}

__device__ Sums Add(Sums s, float z) {
  if (z == -CUDART_INF_F) return s;
  if (z > s.max) s = MovedTo(s, z);
  const float distance = z - s.max;
  const float e = expf(distance);
  s.sum += e;
  if (e > 0.0f) s.weighted_sum += distance * e;
  if (isnan(z)) s.sum = CUDART_NAN_F;
  return s;
}

// Every thread gets the row's sums.
template <typename Logit>
__device__ Sums RowSums(const Logit* logits, int64_t vocab_size, float inverse_temperature) {
  Sums mine = EmptySums();
  for (int64_t v = threadIdx.x; v < vocab_size; v += kThreads) {
    mine = Add(mine, AsFloat(logits[v]) * inverse_temperature);
  }
  __shared__ Sums shared[kThreads];
  shared[threadIdx.x] = mine;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] = Merge(shared[threadIdx.x], shared[threadIdx.x + half]);
    __syncthreads();
  }
  return shared[0];
}

template <typename Logit>
__global__ void ForwardKernel(LogprobRows rows, const Logit* logits_TV, float* logprobs_T, float* entropies_T) {
  const int64_t t = blockIdx.x;
  const Logit* logits = logits_TV + t * rows.vocab_size;
  const Sums sums = RowSums(logits, rows.vocab_size, rows.inverse_temperature);
  if (threadIdx.x != 0) return;
  const float log_sum = logf(sums.sum);
  logprobs_T[t] = AsFloat(logits[rows.targets_T[t]]) * rows.inverse_temperature - sums.max - log_sum;
  if (entropies_T != nullptr) entropies_T[t] = log_sum - sums.weighted_sum / sums.sum;
}

template <typename Logit>
__global__ void BackwardKernel(LogprobRows rows, const float* grad_T, const float* entropy_grad_T, Logit* logits_TV) {
  const int64_t t = blockIdx.x;
  Logit* logits = logits_TV + t * rows.vocab_size;
  const float grad = grad_T[t] * rows.inverse_temperature;
  const float entropy_grad = entropy_grad_T == nullptr ? 0.0f : entropy_grad_T[t] * rows.inverse_temperature;
  if (grad_T[t] == 0.0f && entropy_grad == 0.0f) {  // the same for the whole block
    for (int64_t v = threadIdx.x; v < rows.vocab_size; v += kThreads) Assign(&logits[v], 0.0f);
    return;
  }
  const Sums sums = RowSums(logits, rows.vocab_size, rows.inverse_temperature);
  // ln p + entropy = distance - weighted_sum / sum: the logarithm of the sum cancels.
  const float mean_distance = entropy_grad == 0.0f ? 0.0f : sums.weighted_sum / sums.sum;
  const float factor = (entropy_grad * mean_distance - grad) / sums.sum, slope = -entropy_grad / sums.sum;
  for (int64_t v = threadIdx.x; v < rows.vocab_size; v += kThreads) {
    const float distance = AsFloat(logits[v]) * rows.inverse_temperature - sums.max;
    const float e = expf(distance);
    float gradient = e * factor;
    if (entropy_grad != 0.0f && e != 0.0f) gradient = e * (factor + slope * distance);
    Assign(&logits[v], v == rows.targets_T[t] ? gradient + grad : gradient);
  }
}

}  // namespace

int LogprobForwardCuda(const LogprobRows& rows, LogitType type, const void* logits_TV, float* logprobs_T,
                       float* entropies_T, CUstream_st* stream) {
  if (rows.num_rows == 0) return cudaSuccess;
  const unsigned blocks = static_cast<unsigned>(rows.num_rows);
  if (type == LogitType::kBfloat16) {
    ForwardKernel<<<blocks, kThreads, 0, stream>>>(rows, static_cast<const __nv_bfloat16*>(logits_TV), logprobs_T,
                                                   entropies_T);
  } else {
    ForwardKernel<<<blocks, kThreads, 0, stream>>>(rows, static_cast<const float*>(logits_TV), logprobs_T, entropies_T);
  }
  return cudaGetLastError();
}

int LogprobBackwardInPlaceCuda(const LogprobRows& rows, LogitType type, const float* grad_T,
                               const float* entropy_grad_T, void* logits_TV, CUstream_st* stream) {
  if (rows.num_rows == 0) return cudaSuccess;
  const unsigned blocks = static_cast<unsigned>(rows.num_rows);
  if (type == LogitType::kBfloat16) {
    BackwardKernel<<<blocks, kThreads, 0, stream>>>(rows, grad_T, entropy_grad_T,
                                                    static_cast<__nv_bfloat16*>(logits_TV));
  } else {
    BackwardKernel<<<blocks, kThreads, 0, stream>>>(rows, grad_T, entropy_grad_T, static_cast<float*>(logits_TV));
  }
  return cudaGetLastError();
}

}  // namespace cohort::kernels
