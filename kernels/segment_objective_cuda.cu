// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>
#include <math_constants.h>

#include <algorithm>

#include "kernels/segment_objective_cuda.h"

namespace cohort::kernels {
namespace {

constexpr int kThreads = 128;
constexpr int64_t kMaxBlocks = 1024;
constexpr double kMaxLogRatio = 20.0;
constexpr int kStatisticsDoubles = sizeof(SegmentStatistics) / sizeof(double);

__device__ SegmentStatistics EmptyStatistics() { return {0, 0, CUDART_INF, -CUDART_INF, 0, 0, 0}; }

__device__ SegmentStatistics Merge(const SegmentStatistics& a, const SegmentStatistics& b) {
  return {a.loss + b.loss,
          a.sum_ratio + b.sum_ratio,
          fmin(a.min_ratio, b.min_ratio),
          fmax(a.max_ratio, b.max_ratio),
          a.num_clipped_low + b.num_clipped_low,
          a.num_clipped_high + b.num_clipped_high,
          a.num_tokens + b.num_tokens};
}

// The block's statistics, in thread 0 only.
__device__ SegmentStatistics BlockMerge(SegmentStatistics mine) {
  __shared__ SegmentStatistics shared[kThreads];
  shared[threadIdx.x] = mine;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] = Merge(shared[threadIdx.x], shared[threadIdx.x + half]);
    __syncthreads();
  }
  return shared[0];
}

// The sum over the block's threads, in every thread.
__device__ double BlockSum(double mine) {
  __shared__ double shared[kThreads];
  __syncthreads();  // the last call's result has been read
  shared[threadIdx.x] = mine;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  return shared[0];
}

template <typename Real>
__device__ bool IsTrained(const SegmentInputs<Real>& in, int64_t t) {
  return in.mask_T == nullptr || in.mask_T[t] != 0;
}

template <typename Real>
__device__ double LogRatio(const SegmentInputs<Real>& in, int64_t t) {
  return static_cast<double>(in.policy_logprobs_T[t] - in.proximal_logprobs_T[t]);
}

// fmin and fmax drop NaN, comparisons keep it.
__device__ double Clamp(double x, double low, double high) { return x < low ? low : (x > high ? high : x); }

struct Bounds {
  double low;
  double high;
};

template <typename Real>
__device__ Bounds BoundsOf(const SegmentInputs<Real>& in, int64_t s) {
  return {1.0 - static_cast<double>(in.clip_low_S == nullptr ? in.clip_low : in.clip_low_S[s]),
          1.0 + static_cast<double>(in.clip_high_S == nullptr ? in.clip_high : in.clip_high_S[s])};
}

// Adds one trained token to the statistics; returns e_t.
__device__ double AddToken(double ratio, Bounds bounds, double advantage, double weight, SegmentStatistics* s) {
  const double unclipped = ratio * advantage, clipped = Clamp(ratio, bounds.low, bounds.high) * advantage;
  s->loss -= weight * (clipped < unclipped ? clipped : unclipped);
  s->sum_ratio += ratio;
  s->min_ratio = fmin(s->min_ratio, ratio);
  s->max_ratio = fmax(s->max_ratio, ratio);
  s->num_tokens += 1;
  s->num_clipped_low += advantage < 0 && ratio < bounds.low;
  s->num_clipped_high += advantage > 0 && ratio > bounds.high;
  const bool is_active = (advantage > 0 && ratio <= bounds.high) || (advantage < 0 && ratio >= bounds.low);
  return is_active ? -weight * advantage * ratio : 0.0;
}

template <typename Real>
__global__ void TokenKernel(SegmentInputs<Real> in, Real* gradient_T, SegmentStatistics* partials) {
  SegmentStatistics mine = EmptyStatistics();
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t t = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; t < in.num_tokens; t += stride) {
    double gradient = 0.0;
    if (IsTrained(in, t)) {
      const double difference = LogRatio(in, t);
      const double ratio = exp(Clamp(difference, -kMaxLogRatio, kMaxLogRatio));
      gradient = AddToken(ratio, BoundsOf(in, t), in.advantages_T[t], in.weights_T[t], &mine);
      if (fabs(difference) > kMaxLogRatio) gradient = 0.0;
    }
    gradient_T[t] = static_cast<Real>(gradient);
  }
  const SegmentStatistics merged = BlockMerge(mine);
  if (threadIdx.x == 0) partials[blockIdx.x] = merged;
}

// One segment by one block.
template <typename Real>
__device__ void AddSegment(const SegmentInputs<Real>& in, int64_t s, Real* gradient_T, SegmentStatistics* mine) {
  const int64_t begin = in.segment_offsets[s], end = in.segment_offsets[s + 1];
  double log_ratio = 0.0, count = 0.0;
  for (int64_t t = begin + threadIdx.x; t < end; t += kThreads) {
    if (!IsTrained(in, t)) continue;
    log_ratio += Clamp(LogRatio(in, t), -kMaxLogRatio, kMaxLogRatio);
    count += 1.0;
  }
  count = BlockSum(count);
  const double ratio = count > 0 ? exp(BlockSum(log_ratio) / count) : 1.0;
  const Bounds bounds = BoundsOf(in, s);
  double sum = 0.0;
  for (int64_t t = begin + threadIdx.x; t < end; t += kThreads) {
    const double e = IsTrained(in, t) ? AddToken(ratio, bounds, in.advantages_T[t], in.weights_T[t], mine) : 0.0;
    gradient_T[t] = static_cast<Real>(e);
    sum += e;
  }
  if (count == 0 || (in.flow == SegmentFlow::kLocal && count > 1)) return;  // the same for the whole block
  const double share = BlockSum(sum) / count;
  for (int64_t t = begin + threadIdx.x; t < end; t += kThreads) {
    const bool flows = IsTrained(in, t) && fabs(LogRatio(in, t)) <= kMaxLogRatio;
    gradient_T[t] = static_cast<Real>(flows ? share : 0.0);
  }
}

template <typename Real>
__global__ void SegmentKernel(SegmentInputs<Real> in, Real* gradient_T, SegmentStatistics* partials) {
  SegmentStatistics mine = EmptyStatistics();
  for (int64_t s = blockIdx.x; s < in.num_segments; s += gridDim.x) AddSegment(in, s, gradient_T, &mine);
  const SegmentStatistics merged = BlockMerge(mine);
  if (threadIdx.x == 0) partials[blockIdx.x] = merged;
}

__global__ void MergeKernel(const SegmentStatistics* partials, int num_partials, SegmentStatistics* statistics) {
  SegmentStatistics mine = EmptyStatistics();
  for (int i = threadIdx.x; i < num_partials; i += kThreads) mine = Merge(mine, partials[i]);
  const SegmentStatistics merged = BlockMerge(mine);
  if (threadIdx.x == 0) *statistics = merged;
}

}  // namespace

int64_t SegmentObjectiveCudaWorkspaceDoubles() { return kMaxBlocks * kStatisticsDoubles; }

template <typename Real>
int ComputeSegmentObjectiveCuda(const SegmentInputs<Real>& inputs, Real* gradient_T, SegmentStatistics* statistics,
                                double* workspace, CUstream_st* stream) {
  SegmentStatistics* partials = reinterpret_cast<SegmentStatistics*>(workspace);
  const bool per_token = inputs.segment_offsets == nullptr;
  const int64_t wanted = per_token ? (inputs.num_tokens + kThreads - 1) / kThreads : inputs.num_segments;
  const unsigned blocks = static_cast<unsigned>(std::clamp<int64_t>(wanted, 1, kMaxBlocks));
  if (per_token) {
    TokenKernel<<<blocks, kThreads, 0, stream>>>(inputs, gradient_T, partials);
  } else {
    SegmentKernel<<<blocks, kThreads, 0, stream>>>(inputs, gradient_T, partials);
  }
  if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
  MergeKernel<<<1, kThreads, 0, stream>>>(partials, static_cast<int>(blocks), statistics);
  return cudaGetLastError();
}

template int ComputeSegmentObjectiveCuda<float>(const SegmentInputs<float>&, float*, SegmentStatistics*, double*,
                                                CUstream_st*);
template int ComputeSegmentObjectiveCuda<double>(const SegmentInputs<double>&, double*, SegmentStatistics*, double*,
                                                 CUstream_st*);

}  // namespace cohort::kernels
