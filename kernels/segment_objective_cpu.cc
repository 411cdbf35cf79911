// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/segment_objective.h"
#include "kernels/segment_token_loop.h"

namespace cohort::kernels {
namespace {

constexpr double kMaxLogRatio = 20.0;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// One segment: tokens [begin, end), its ratio and its bounds.
struct Segment {
  int64_t begin;
  int64_t end;
  int64_t num_trained;  // n_S
  double ratio;
  double low;
  double high;
};

template <typename Real>
bool IsTrained(const SegmentInputs<Real>& in, int64_t t) {
  return in.mask_T == nullptr || in.mask_T[t] != 0;
}

template <typename Real>
double LogRatio(const SegmentInputs<Real>& in, int64_t t) {
  return static_cast<double>(in.policy_logprobs_T[t] - in.proximal_logprobs_T[t]);
}

template <typename Real>
Segment MeasureSegment(const SegmentInputs<Real>& in, int64_t s) {
  Segment segment{in.segment_offsets == nullptr ? s : in.segment_offsets[s],
                  in.segment_offsets == nullptr ? s + 1 : in.segment_offsets[s + 1],
                  0,
                  1.0,
                  1.0 - static_cast<double>(in.clip_low_S == nullptr ? in.clip_low : in.clip_low_S[s]),
                  1.0 + static_cast<double>(in.clip_high_S == nullptr ? in.clip_high : in.clip_high_S[s])};
  double sum = 0;
  for (int64_t t = segment.begin; t < segment.end; ++t) {
    if (!IsTrained(in, t)) continue;
    sum += std::clamp(LogRatio(in, t), -kMaxLogRatio, kMaxLogRatio);
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
double AddToken(const Segment& segment, double advantage, double weight, SegmentStatistics* statistics) {
  const double ratio = segment.ratio;
  const double surrogate = std::min(ratio * advantage, std::clamp(ratio, segment.low, segment.high) * advantage);
  statistics->loss -= weight * surrogate;
  statistics->num_clipped_low += advantage < 0 && ratio < segment.low;
  statistics->num_clipped_high += advantage > 0 && ratio > segment.high;
  const bool is_active = (advantage > 0 && ratio <= segment.high) || (advantage < 0 && ratio >= segment.low);
  return is_active ? -weight * advantage * ratio : 0.0;
}

template <typename Real>
void AddSegment(const SegmentInputs<Real>& in, const Segment& segment, Real* gradient_T,
                SegmentStatistics* statistics) {
  if (segment.num_trained == 0) {
    std::fill(gradient_T + segment.begin, gradient_T + segment.end, Real{0});
    return;
  }
  AddRatio(segment, statistics);
  double sum = 0;  // E_S
  for (int64_t t = segment.begin; t < segment.end; ++t) {
    gradient_T[t] = 0;
    if (!IsTrained(in, t)) continue;
    const double e = AddToken(segment, in.advantages_T[t], in.weights_T[t], statistics);
    gradient_T[t] = static_cast<Real>(e);
    sum += e;
  }
  if (in.flow == SegmentFlow::kLocal && segment.num_trained > 1) return;
  const Real share = static_cast<Real>(sum / static_cast<double>(segment.num_trained));
  for (int64_t t = segment.begin; t < segment.end; ++t) {
    const bool flows = IsTrained(in, t) && std::abs(LogRatio(in, t)) <= kMaxLogRatio;
    gradient_T[t] = flows ? share : Real{0};
  }
}

SegmentTokenLoopFunction TokenLoop(CpuTarget target) {
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kSegmentTokenLoop;
    case CpuTarget::kAvx2:
      return avx2::kSegmentTokenLoop;
    case CpuTarget::kBaseline:
      break;
  }
  return baseline::kSegmentTokenLoop;
}

}  // namespace

template <typename Real>
SegmentStatistics ComputeSegmentObjective(const SegmentInputs<Real>& inputs, Real* gradient_T, CpuTarget target) {
  if constexpr (std::is_same_v<Real, float>) {
    if (inputs.segment_offsets == nullptr && inputs.clip_low_S == nullptr) return TokenLoop(target)(inputs, gradient_T);
  }
  SegmentStatistics statistics{0, 0, kInfinity, -kInfinity, 0, 0, 0};
  const int64_t num_segments = inputs.segment_offsets == nullptr ? inputs.num_tokens : inputs.num_segments;
  for (int64_t s = 0; s < num_segments; ++s) {
    AddSegment(inputs, MeasureSegment(inputs, s), gradient_T, &statistics);
  }
  return statistics;
}

template SegmentStatistics ComputeSegmentObjective<float>(const SegmentInputs<float>&, float*, CpuTarget);
template SegmentStatistics ComputeSegmentObjective<double>(const SegmentInputs<double>&, double*, CpuTarget);

}  // namespace cohort::kernels
