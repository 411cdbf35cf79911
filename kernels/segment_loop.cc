// SPDX-License-Identifier: Apache-2.0
#include "kernels/segment_loop.h"

#include "kernels/segment_lanes.h"
#include "kernels/segment_surrogate_lanes.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

SegmentStatistics EmptyStatistics() { return {0, 0, kInfinity, -kInfinity, 0, 0, 0, 0}; }

struct RatioLanes {
  F16 sum{};
  F16 min = Splat16(kInfinity);
  F16 max = Splat16(-kInfinity);
  I16 count{};
};

COHORT_INLINE void AddRatios(F16 ratio, I16 trained, RatioLanes* lanes) {
  lanes->sum += Select(trained, ratio, F16{});
  lanes->min = Select(trained & (ratio < lanes->min), ratio, lanes->min);
  lanes->max = Select(trained & (ratio > lanes->max), ratio, lanes->max);
  lanes->count = lanes->count - trained;
}

COHORT_INLINE void FlushRatios(const RatioLanes& lanes, SegmentStatistics* total) {
  total->sum_ratio += static_cast<double>(Sum16(lanes.sum));
  const double min_ratio = -MaxLane16(F16{} - lanes.min), max_ratio = MaxLane16(lanes.max);
  total->min_ratio = min_ratio < total->min_ratio ? min_ratio : total->min_ratio;
  total->max_ratio = max_ratio > total->max_ratio ? max_ratio : total->max_ratio;
  total->num_tokens += SumCounts(lanes.count);
}

COHORT_INLINE int64_t Smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Pairs of bounds by token; null where they are given otherwise.
struct TokenBounds {
  const float* low_T;
  const float* high_T;
};

COHORT_INLINE LaneBounds BoundsAt(const TokenBounds& by_token, const TokenSpan& span, const LaneBounds& otherwise) {
  if (by_token.low_T == nullptr) return otherwise;
  return {Splat16(1.0f) - LoadSpan(by_token.low_T, span), LoadSpan(by_token.high_T, span) + 1.0f};
}

template <SurrogateKind kKind>
SegmentStatistics TokenLoop(const SegmentInputs<float>& in, float* gradient_T) {
  SegmentStatistics total = EmptyStatistics();
  const LaneBounds common{Splat16(1.0f - in.clip_low), Splat16(1.0f + in.clip_high)};
  const TokenBounds by_token = in.clip_low_T != nullptr ? TokenBounds{in.clip_low_T, in.clip_high_T}
                                                        : TokenBounds{in.clip_low_S, in.clip_high_S};
  for (int64_t start = 0; start < in.num_tokens; start += kBlockTokens) {
    const int64_t end = Smaller(start + kBlockTokens, in.num_tokens);
    LossLanes losses;
    RatioLanes ratios;
    for (int64_t t = start; t < end; t += 16) {
      const TokenSpan span = SpanAt(in, t, end);
      const I16 trained = TrainedLanes(in, span);
      const LaneLogRatio log_ratio = LogRatioLanes(in, span);
      const F16 ratio = Exp16(log_ratio.value);
      AddRatios(ratio, trained, &ratios);
      F16 gradient = AddTokens<kKind>(in, span, trained, ratio, BoundsAt(by_token, span, common), &losses);
      if (kKind != SurrogateKind::kCispo) gradient = Select(log_ratio.flows, gradient, F16{});
      StoreSpan(in, span, trained, gradient, gradient_T);
    }
    Flush(&losses, &total);
    FlushRatios(ratios, &total);
  }
  return total;
}

struct Segment {
  int64_t number;
  int64_t begin;
  int64_t end;
  double num_trained;
  bool is_uniform;  // every token is trained and its log-ratio flows
};

COHORT_INLINE bool AnyLane(I16 mask) {
  int64_t pairs[8], any = 0;
  __builtin_memcpy(pairs, &mask, sizeof(pairs));
  for (const int64_t pair : pairs) any |= pair;
  return any != 0;
}

// Sets the count; returns the mean of phi, 0 without a trained token.
COHORT_INLINE float MeasureSegment(const SegmentInputs<float>& in, Segment* segment) {
  double sum = 0.0, num_trained = 0.0;
  I16 not_uniform{};
  for (int64_t start = segment->begin; start < segment->end; start += kBlockTokens) {
    const int64_t end = Smaller(start + kBlockTokens, segment->end);
    F16 lanes{};
    I16 count{};
    for (int64_t t = start; t < end; t += 16) {
      const TokenSpan span = SpanAt(in, t, end);
      const I16 trained = TrainedLanes(in, span);
      const LaneLogRatio log_ratio = LogRatioLanes(in, span);
      lanes += Select(trained, log_ratio.value, F16{});
      not_uniform = not_uniform | (trained & Not(log_ratio.flows));
      if (in.mask_T != nullptr) count = count - trained;
    }
    sum += static_cast<double>(Sum16(lanes));
    if (in.mask_T != nullptr) num_trained += SumCounts(count);
  }
  const double num_tokens = static_cast<double>(segment->end - segment->begin);
  segment->num_trained = in.mask_T == nullptr ? num_tokens : num_trained;
  segment->is_uniform = segment->num_trained == num_tokens && !AnyLane(not_uniform);
  return segment->num_trained > 0 ? static_cast<float>(sum / segment->num_trained) : 0.0f;
}

COHORT_INLINE void AddRatio(const Segment& segment, float ratio, SegmentStatistics* total) {
  const double value = ratio;
  total->sum_ratio += value * segment.num_trained;
  total->min_ratio = value < total->min_ratio ? value : total->min_ratio;
  total->max_ratio = value > total->max_ratio ? value : total->max_ratio;
  total->num_tokens += segment.num_trained;
}

// The same share for every token that flows.
COHORT_INLINE void SpreadShare(const SegmentInputs<float>& in, const Segment& segment, float share, float* gradient_T) {
  for (int64_t t = segment.begin; t < segment.end; t += 16) {
    const TokenSpan span = SpanAt(in, t, segment.end);
    if (segment.is_uniform && !in.adds_to_gradient) {
      if (span.is_whole_vector) {
        Store16(gradient_T + t, Splat16(share));
      } else {
        StoreFirst(gradient_T + t, Splat16(share), span.count);
      }
      continue;
    }
    const I16 trained = TrainedLanes(in, span);
    const I16 flows = trained & LogRatioLanes(in, span).flows;
    StoreSpan(in, span, trained, Select(flows, Splat16(share), F16{}), gradient_T);
  }
}

template <SurrogateKind kKind>
COHORT_INLINE void AddSegment(const SegmentInputs<float>& in, const Segment& segment, float ratio, LossLanes* losses,
                              float* gradient_T, SegmentStatistics* total) {
  if (segment.num_trained == 0) {
    for (int64_t t = segment.begin; t < segment.end && !in.adds_to_gradient; ++t) gradient_T[t] = 0.0f;
    return;
  }
  AddRatio(segment, ratio, total);
  const bool is_local = kKind == SurrogateKind::kCispo || (in.flow == SegmentFlow::kLocal && segment.num_trained > 1);
  const bool by_segment = in.clip_low_S != nullptr;
  const LaneBounds common{Splat16(1.0f - (by_segment ? in.clip_low_S[segment.number] : in.clip_low)),
                          Splat16(1.0f + (by_segment ? in.clip_high_S[segment.number] : in.clip_high))};
  const TokenBounds by_token{in.clip_low_T, in.clip_high_T};
  double sum = 0.0;  // E_S
  for (int64_t start = segment.begin; start < segment.end; start += kBlockTokens) {
    const int64_t end = Smaller(start + kBlockTokens, segment.end);
    F16 errors{};
    for (int64_t t = start; t < end; t += 16) {
      const TokenSpan span = SpanAt(in, t, end);
      const I16 trained = TrainedLanes(in, span);
      const F16 e = AddTokens<kKind>(in, span, trained, Splat16(ratio), BoundsAt(by_token, span, common), losses);
      errors += e;
      if (is_local) StoreSpan(in, span, trained, e, gradient_T);
    }
    sum += static_cast<double>(Sum16(errors));
    if (end - start == kBlockTokens) Flush(losses, total);
  }
  if (!is_local) SpreadShare(in, segment, static_cast<float>(sum / segment.num_trained), gradient_T);
}

// Segments are taken in groups, so that one vector exponential serves up to 16 of them and their tokens are still in
// the nearest cache for the second visit.
template <SurrogateKind kKind>
SegmentStatistics SegmentLoop(const SegmentInputs<float>& in, float* gradient_T) {
  SegmentStatistics total = EmptyStatistics();
  for (int64_t s = 0; s < in.num_segments;) {
    Segment group[16];
    float means[16] = {}, ratios[16];
    int size = 0;
    for (int64_t tokens = 0; size < 16 && s < in.num_segments && tokens < kBlockTokens; ++s, ++size) {
      group[size] = {s, in.segment_offsets[s], in.segment_offsets[s + 1], 0.0, false};
      means[size] = MeasureSegment(in, &group[size]);
      tokens += group[size].end - group[size].begin;
    }
    Store16(ratios, Exp16(Load16(means)));
    LossLanes losses;
    for (int i = 0; i < size; ++i) AddSegment<kKind>(in, group[i], ratios[i], &losses, gradient_T, &total);
    Flush(&losses, &total);
  }
  return total;
}

SegmentStatistics Tokens(const SegmentInputs<float>& in, float* gradient_T) {
  switch (in.kind) {
    case SurrogateKind::kClip:
      return TokenLoop<SurrogateKind::kClip>(in, gradient_T);
    case SurrogateKind::kCispo:
      return TokenLoop<SurrogateKind::kCispo>(in, gradient_T);
    case SurrogateKind::kSapo:
      return TokenLoop<SurrogateKind::kSapo>(in, gradient_T);
    case SurrogateKind::kUnclipped:
      break;
  }
  return TokenLoop<SurrogateKind::kUnclipped>(in, gradient_T);
}

SegmentStatistics Segments(const SegmentInputs<float>& in, float* gradient_T) {
  switch (in.kind) {
    case SurrogateKind::kClip:
      return SegmentLoop<SurrogateKind::kClip>(in, gradient_T);
    case SurrogateKind::kCispo:
      return SegmentLoop<SurrogateKind::kCispo>(in, gradient_T);
    case SurrogateKind::kSapo:
      return SegmentLoop<SurrogateKind::kSapo>(in, gradient_T);
    case SurrogateKind::kUnclipped:
      break;
  }
  return SegmentLoop<SurrogateKind::kUnclipped>(in, gradient_T);
}

}  // namespace

extern const SegmentLoopFunctions kSegmentLoop;
const SegmentLoopFunctions kSegmentLoop = {Tokens, Segments};

}  // namespace cohort::kernels::COHORT_CPU_TARGET
