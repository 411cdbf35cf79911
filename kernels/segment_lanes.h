// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_LANES_H_
#define COHORT_KERNELS_SEGMENT_LANES_H_

// Sixteen tokens of kernels/segment_objective.h at a time, in fp32: which are trained, their log-ratios and where their
// gradients go. Internal to kernels/: included by sources that are compiled once per instruction set; everything has
// internal linkage.

#include "kernels/segment_objective.h"
#include "kernels/vector16.h"

namespace cohort::kernels {
namespace {

// Lanes sum in fp32 over this many tokens, then into double.
constexpr int64_t kBlockTokens = 1024;
constexpr float kInfinity = __builtin_inff();
constexpr float kMaxLogRatio = 20.0f;

// Up to 16 tokens from `first` on. Lanes at or past `count` are not trained; where the arrays go on they hold the
// tokens that follow, so that only the last vector of all is put together lane by lane.
struct TokenSpan {
  int64_t first;
  int64_t count;
  bool is_whole_vector;  // 16 tokens can be read and written
};

COHORT_INLINE TokenSpan SpanAt(const SegmentInputs<float>& in, int64_t first, int64_t end) {
  return {first, end - first < 16 ? end - first : 16, in.num_tokens - first >= 16};
}

COHORT_INLINE F16 LoadSpan(const float* values_T, const TokenSpan& span) {
  return span.is_whole_vector ? Load16(values_T + span.first) : LoadFirst(values_T + span.first, span.count, 0.0f);
}

// All bits where a token is trained.
COHORT_INLINE I16 TrainedLanes(const SegmentInputs<float>& in, const TokenSpan& span) {
  const I16 inside = LaneNumbers() < Splat16(static_cast<float>(span.count));
  if (in.mask_T == nullptr) return inside;
  const uint8_t* mask = in.mask_T + span.first;
  int32_t lanes[16] = {};
  if (span.is_whole_vector) {
    for (int64_t i = 0; i < 16; ++i) lanes[i] = mask[i] != 0 ? -1 : 0;
  } else {
    for (int64_t i = 0; i < span.count; ++i) lanes[i] = mask[i] != 0 ? -1 : 0;
  }
  I16 trained;
  __builtin_memcpy(&trained, lanes, sizeof(lanes));
  return inside & trained;
}

struct LaneLogRatio {
  F16 value;  // phi
  I16 flows;  // c
};

COHORT_INLINE LaneLogRatio LogRatioLanes(const SegmentInputs<float>& in, const TokenSpan& span) {
  const F16 difference = LoadSpan(in.policy_logprobs_T, span) - LoadSpan(in.proximal_logprobs_T, span);
  F16 low = Splat16(-kMaxLogRatio), high = Splat16(kMaxLogRatio);
  if (in.token_log_clip < kMaxLogRatio) {
    const F16 advantage = LoadSpan(in.advantages_T, span);
    high = Select(advantage > F16{}, Splat16(in.token_log_clip), high);
    low = Select(advantage < F16{}, Splat16(-in.token_log_clip), low);
  }
  const I16 is_high = difference > high, is_low = difference < low;
  return {Select(is_low, low, Select(is_high, high, difference)), Not(is_high | is_low)};
}

COHORT_INLINE double SumCounts(I16 counts) {
  int32_t lanes[16];
  __builtin_memcpy(lanes, &counts, sizeof(lanes));
  int64_t sum = 0;
  for (const int32_t lane : lanes) sum += lane;
  return static_cast<double>(sum);
}

// Writes or adds `gradient`, which is +0 in lanes that are not trained. A whole vector may reach past the span: what
// follows there is written later, or gets back its own value.
COHORT_INLINE void StoreSpan(const SegmentInputs<float>& in, const TokenSpan& span, I16 trained, F16 gradient,
                             float* gradient_T) {
  if (in.adds_to_gradient) {
    const F16 before = LoadSpan(gradient_T, span);
    gradient = Select(trained, before + gradient, before);
  }
  if (span.is_whole_vector) {
    Store16(gradient_T + span.first, gradient);
  } else {
    StoreFirst(gradient_T + span.first, gradient, span.count);
  }
}

}  // namespace
}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_LANES_H_
