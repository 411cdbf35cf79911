// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>
#include <math_constants.h>

#include <algorithm>

#include "kernels/segment_objective_cuda.h"
#include "kernels/segment_surrogate.h"

namespace cohort::kernels {
namespace {

constexpr int kThreads = 128;
constexpr int kWarp = 32;
constexpr int64_t kMaxBlocks = 1024;
// Segments that are shorter on average get a warp each, the others a block.
constexpr int64_t kTokensForABlock = 512;
constexpr int kStatisticsDoubles = sizeof(SegmentStatistics) / sizeof(double);

__device__ SegmentStatistics EmptyStatistics() { return {0, 0, CUDART_INF, -CUDART_INF, 0, 0, 0, 0}; }

__device__ SegmentStatistics Merge(const SegmentStatistics& a, const SegmentStatistics& b) {
  return {a.loss + b.loss,
          a.sum_ratio + b.sum_ratio,
          fmin(a.min_ratio, b.min_ratio),
          fmax(a.max_ratio, b.max_ratio),
          a.num_clipped_low + b.num_clipped_low,
          a.num_clipped_high + b.num_clipped_high,
          a.num_dual_clipped + b.num_dual_clipped,
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

// The sum over the kWidth threads (a warp or the block) that share a segment, in every one of them.
template <int kWidth>
__device__ double SumOverThreads(double mine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) mine += __shfl_xor_sync(~0u, mine, distance);
  if constexpr (kWidth > kWarp) {
    __shared__ double warps[kThreads / kWarp];
    __syncthreads();  // the last call's result has been read
    if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = mine;
    __syncthreads();
    mine = 0.0;
    for (int warp = 0; warp < kThreads / kWarp; ++warp) mine += warps[warp];
  }
  return mine;
}

// Adds one trained token to the statistics; returns e_t.
__device__ double AddToken(const TokenSurrogate& surrogate, double ratio, double weight, SegmentStatistics* s) {
  s->loss -= weight * surrogate.value;
  s->sum_ratio += ratio;
  s->min_ratio = fmin(s->min_ratio, ratio);
  s->max_ratio = fmax(s->max_ratio, ratio);
  s->num_tokens += 1;
  s->num_clipped_low += surrogate.is_clipped_low;
  s->num_clipped_high += surrogate.is_clipped_high;
  s->num_dual_clipped += surrogate.is_dual_clipped;
  return ErrorOf(surrogate, weight);
}

// Of a token that is not trained: 0.
template <typename Real>
__device__ void Put(const SegmentInputs<Real>& in, int64_t t, double gradient, Real* gradient_T) {
  if (in.adds_to_gradient) {
    if (IsTrained(in, t)) gradient_T[t] += static_cast<Real>(gradient);
  } else {
    gradient_T[t] = static_cast<Real>(gradient);
  }
}

template <typename Real>
__global__ void TokenKernel(SegmentInputs<Real> in, Real* gradient_T, SegmentStatistics* partials) {
  SegmentStatistics mine = EmptyStatistics();
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t t = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; t < in.num_tokens; t += stride) {
    double gradient = 0.0;
    if (IsTrained(in, t)) {
      const TokenLogRatio log_ratio = LogRatioOf(in, t);
      const double ratio = exp(log_ratio.value);
      gradient = AddToken(SurrogateOf(in, t, t, ratio), ratio, in.weights_T[t], &mine);
      if (!log_ratio.flows && in.kind != SurrogateKind::kCispo) gradient = 0.0;
    }
    Put(in, t, gradient, gradient_T);
  }
  const SegmentStatistics merged = BlockMerge(mine);
  if (threadIdx.x == 0) partials[blockIdx.x] = merged;
}

// One segment by kWidth threads, all of which take the same branches.
template <int kWidth, typename Real>
__device__ void AddSegment(const SegmentInputs<Real>& in, int64_t s, Real* gradient_T, SegmentStatistics* mine) {
  const int64_t begin = in.segment_offsets[s] + threadIdx.x % kWidth, end = in.segment_offsets[s + 1];
  double log_ratio = 0.0, count = 0.0;
  for (int64_t t = begin; t < end; t += kWidth) {
    if (!IsTrained(in, t)) continue;
    log_ratio += LogRatioOf(in, t).value;
    count += 1.0;
  }
  count = SumOverThreads<kWidth>(count);
  log_ratio = SumOverThreads<kWidth>(log_ratio);
  const double ratio = count > 0 ? exp(log_ratio / count) : 1.0;
  const bool is_local = IsLocal(in, count);
  double sum = 0.0;
  for (int64_t t = begin; t < end; t += kWidth) {
    double e = 0.0;
    if (IsTrained(in, t)) e = AddToken(SurrogateOf(in, s, t, ratio), ratio, in.weights_T[t], mine);
    if (is_local || count == 0) Put(in, t, e, gradient_T);
    sum += e;
  }
  if (is_local || count == 0) return;
  const double share = SumOverThreads<kWidth>(sum) / count;
  for (int64_t t = begin; t < end; t += kWidth) {
    Put(in, t, IsTrained(in, t) && LogRatioOf(in, t).flows ? share : 0.0, gradient_T);
  }
}

template <int kWidth, typename Real>
__global__ void SegmentKernel(SegmentInputs<Real> in, Real* gradient_T, SegmentStatistics* partials) {
  constexpr int kSegmentsPerBlock = kThreads / kWidth;
  SegmentStatistics mine = EmptyStatistics();
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kSegmentsPerBlock;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kSegmentsPerBlock + threadIdx.x / kWidth;
  for (int64_t s = first; s < in.num_segments; s += stride) AddSegment<kWidth>(in, s, gradient_T, &mine);
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
  const bool per_warp = !per_token && inputs.num_tokens < kTokensForABlock * inputs.num_segments;
  const int64_t width = per_token ? 1 : per_warp ? kWarp : kThreads;  // threads for one segment
  const int64_t num_segments = per_token ? inputs.num_tokens : inputs.num_segments;
  const int64_t wanted = (num_segments * width + kThreads - 1) / kThreads;
  const unsigned blocks = static_cast<unsigned>(std::clamp<int64_t>(wanted, 1, kMaxBlocks));
  if (per_token) {
    TokenKernel<<<blocks, kThreads, 0, stream>>>(inputs, gradient_T, partials);
  } else if (per_warp) {
    SegmentKernel<kWarp><<<blocks, kThreads, 0, stream>>>(inputs, gradient_T, partials);
  } else {
    SegmentKernel<kThreads><<<blocks, kThreads, 0, stream>>>(inputs, gradient_T, partials);
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
