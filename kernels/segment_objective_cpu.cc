// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/segment_loop.h"
#include "kernels/segment_objective.h"
#include "kernels/segment_surrogate.h"

namespace cohort::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Tokens [begin, end) with their ratio.
struct Segment {
  int64_t number;
  int64_t begin;
  int64_t end;
  int64_t num_trained;  // n_S
  double ratio;
};

template <typename Real>
Segment MeasureSegment(const SegmentInputs<Real>& in, int64_t s) {
  Segment segment{s, in.segment_offsets == nullptr ? s : in.segment_offsets[s],
                  in.segment_offsets == nullptr ? s + 1 : in.segment_offsets[s + 1], 0, 1.0};
  double sum = 0;
  for (int64_t t = segment.begin; t < segment.end; ++t) {
    if (!IsTrained(in, t)) continue;
    sum += LogRatioOf(in, t).value;
    ++segment.num_trained;
  }
  if (segment.num_trained > 0) segment.ratio = std::exp(sum / static_cast<double>(segment.num_trained));
  return segment;
}

// The ratio's share of the statistics, once for all tokens of the segment.
void AddRatio(const Segment& segment, SegmentStatistics* statistics) {
  const double num_trained = static_cast<double>(segment.num_trained);
  statistics->sum_ratio += segment.ratio * num_trained;
  statistics->min_ratio = std::min(statistics->min_ratio, segment.ratio);
  statistics->max_ratio = std::max(statistics->max_ratio, segment.ratio);
  statistics->num_tokens += num_trained;
}

// Adds one trained token to loss and clip counts; returns e_t.
double AddToken(const TokenSurrogate& surrogate, double weight, SegmentStatistics* statistics) {
  statistics->loss -= weight * surrogate.value;
  statistics->num_clipped_low += surrogate.is_clipped_low;
  statistics->num_clipped_high += surrogate.is_clipped_high;
  statistics->num_dual_clipped += surrogate.is_dual_clipped;
  return ErrorOf(surrogate, weight);
}

template <typename Real>
void AddSegment(const SegmentInputs<Real>& in, const Segment& segment, Real* gradient_T,
                SegmentStatistics* statistics) {
  if (!in.adds_to_gradient) std::fill(gradient_T + segment.begin, gradient_T + segment.end, Real{0});
  if (segment.num_trained == 0) return;
  AddRatio(segment, statistics);
  const bool is_local = IsLocal(in, static_cast<double>(segment.num_trained));
  double sum = 0;  // E_S
  for (int64_t t = segment.begin; t < segment.end; ++t) {
    if (!IsTrained(in, t)) continue;
    const double e = AddToken(SurrogateOf(in, segment.number, t, segment.ratio), in.weights_T[t], statistics);
    if (is_local) gradient_T[t] += static_cast<Real>(e);
    sum += e;
  }
  if (is_local) return;
  const Real share = static_cast<Real>(sum / static_cast<double>(segment.num_trained));
  for (int64_t t = segment.begin; t < segment.end; ++t) {
    if (IsTrained(in, t) && LogRatioOf(in, t).flows) gradient_T[t] += share;
  }
}

const SegmentLoopFunctions& LoopFunctions(CpuTarget target) {
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kSegmentLoop;
    case CpuTarget::kAvx2:
      return avx2::kSegmentLoop;
    case CpuTarget::kBaseline:
      break;
  }
  return baseline::kSegmentLoop;
}

}  // namespace

template <typename Real>
SegmentStatistics ComputeSegmentObjective(const SegmentInputs<Real>& inputs, Real* gradient_T, CpuTarget target) {
  const bool per_token = inputs.segment_offsets == nullptr;
  if constexpr (std::is_same_v<Real, float>) {
    const SegmentLoopFunctions& loops = LoopFunctions(target);
    return per_token ? loops.tokens(inputs, gradient_T) : loops.segments(inputs, gradient_T);
  }
  SegmentStatistics statistics{.min_ratio = kInfinity, .max_ratio = -kInfinity};
  const int64_t num_segments = per_token ? inputs.num_tokens : inputs.num_segments;
  for (int64_t s = 0; s < num_segments; ++s) {
    AddSegment(inputs, MeasureSegment(inputs, s), gradient_T, &statistics);
  }
  return statistics;
}

template SegmentStatistics ComputeSegmentObjective<float>(const SegmentInputs<float>&, float*, CpuTarget);
template SegmentStatistics ComputeSegmentObjective<double>(const SegmentInputs<double>&, double*, CpuTarget);

}  // namespace cohort::kernels
