// SPDX-License-Identifier: Apache-2.0
#include "kernels/segment_token_loop.h"

#include "kernels/vector16.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

// Lanes sum in fp32 over this many tokens, then into double.
constexpr int64_t kBlockTokens = 1024;
constexpr float kInfinity = __builtin_inff();
constexpr float kMaxLogRatio = 20.0f;

struct LaneStatistics {
  F16 loss{};
  F16 sum_ratio{};
  F16 min_ratio = Splat16(kInfinity);
  F16 max_ratio = Splat16(-kInfinity);
  I16 num_clipped_low{};
  I16 num_clipped_high{};
  I16 num_tokens{};
};

struct TokenLanes {
  F16 policy;
  F16 proximal;
  F16 advantage;
  F16 weight;
  I16 is_trained;  // all bits or none
};

COHORT_INLINE F16 Clamp(F16 v, float low, float high) {
  // NaN fails both comparisons and stays.
  const F16 raised = Select(v < Splat16(low), Splat16(low), v);
  return Select(raised > Splat16(high), Splat16(high), raised);
}

COHORT_INLINE F16 TokenGradient(const TokenLanes& t, float low, float high, LaneStatistics* s) {
  const F16 difference = t.policy - t.proximal;
  const F16 log_ratio = Clamp(difference, -kMaxLogRatio, kMaxLogRatio);
  const F16 ratio = Exp16(log_ratio);
  const F16 clipped = Clamp(ratio, low, high);
  const I16 clipped_low = t.is_trained & (t.advantage < F16{}) & (ratio < Splat16(low));
  const I16 clipped_high = t.is_trained & (t.advantage > F16{}) & (ratio > Splat16(high));
  const F16 surrogate = Min16(ratio * t.advantage, clipped * t.advantage);
  s->loss = s->loss - Select(t.is_trained, t.weight * surrogate, F16{});
  s->sum_ratio += Select(t.is_trained, ratio, F16{});
  s->min_ratio = Select(t.is_trained & (ratio < s->min_ratio), ratio, s->min_ratio);
  s->max_ratio = Select(t.is_trained & (ratio > s->max_ratio), ratio, s->max_ratio);
  s->num_clipped_low = s->num_clipped_low - clipped_low;
  s->num_clipped_high = s->num_clipped_high - clipped_high;
  s->num_tokens = s->num_tokens - t.is_trained;
  const I16 is_active = t.is_trained & Not(clipped_low) & Not(clipped_high) & (log_ratio == difference);
  // -0 would not be the exact 0 promised where the advantage is 0.
  const I16 has_gradient = is_active & Not(t.advantage == F16{});
  return Select(has_gradient, F16{} - t.weight * t.advantage * ratio, F16{});
}

COHORT_INLINE TokenLanes LoadTokens(const SegmentInputs<float>& in, int64_t t, int64_t count) {
  TokenLanes lanes;
  int32_t trained[16];
  for (int64_t i = 0; i < 16; ++i) trained[i] = i < count && (in.mask_T == nullptr || in.mask_T[t + i] != 0) ? -1 : 0;
  __builtin_memcpy(&lanes.is_trained, trained, sizeof(trained));
  if (count == 16) {
    lanes.policy = Load16(in.policy_logprobs_T + t);
    lanes.proximal = Load16(in.proximal_logprobs_T + t);
    lanes.advantage = Load16(in.advantages_T + t);
    lanes.weight = Load16(in.weights_T + t);
  } else {
    lanes.policy = LoadFirst(in.policy_logprobs_T + t, count, 0.0f);
    lanes.proximal = LoadFirst(in.proximal_logprobs_T + t, count, 0.0f);
    lanes.advantage = LoadFirst(in.advantages_T + t, count, 0.0f);
    lanes.weight = LoadFirst(in.weights_T + t, count, 0.0f);
  }
  return lanes;
}

COHORT_INLINE double SumCounts(I16 counts) {
  int32_t lanes[16];
  __builtin_memcpy(lanes, &counts, sizeof(lanes));
  int64_t sum = 0;
  for (const int32_t lane : lanes) sum += lane;
  return static_cast<double>(sum);
}

COHORT_INLINE void AddBlock(const LaneStatistics& lanes, SegmentStatistics* total) {
  total->loss += static_cast<double>(Sum16(lanes.loss));
  total->sum_ratio += static_cast<double>(Sum16(lanes.sum_ratio));
  const double min_ratio = -MaxLane16(F16{} - lanes.min_ratio), max_ratio = MaxLane16(lanes.max_ratio);
  total->min_ratio = min_ratio < total->min_ratio ? min_ratio : total->min_ratio;
  total->max_ratio = max_ratio > total->max_ratio ? max_ratio : total->max_ratio;
  total->num_clipped_low += SumCounts(lanes.num_clipped_low);
  total->num_clipped_high += SumCounts(lanes.num_clipped_high);
  total->num_tokens += SumCounts(lanes.num_tokens);
}

SegmentStatistics TokenLoop(const SegmentInputs<float>& in, float* gradient_T) {
  SegmentStatistics total{0, 0, kInfinity, -kInfinity, 0, 0, 0};
  const float low = 1.0f - in.clip_low, high = 1.0f + in.clip_high;
  for (int64_t start = 0; start < in.num_tokens; start += kBlockTokens) {
    const int64_t end = start + kBlockTokens < in.num_tokens ? start + kBlockTokens : in.num_tokens;
    LaneStatistics lanes;
    int64_t t = start;
    for (; t + 16 <= end; t += 16) Store16(gradient_T + t, TokenGradient(LoadTokens(in, t, 16), low, high, &lanes));
    if (t < end) {
      const F16 gradient = TokenGradient(LoadTokens(in, t, end - t), low, high, &lanes);
      StoreFirst(gradient_T + t, gradient, end - t);
    }
    AddBlock(lanes, &total);
  }
  return total;
}

}  // namespace

extern const SegmentTokenLoopFunction kSegmentTokenLoop;
const SegmentTokenLoopFunction kSegmentTokenLoop = TokenLoop;

}  // namespace cohort::kernels::COHORT_CPU_TARGET
