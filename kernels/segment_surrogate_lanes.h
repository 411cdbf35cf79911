// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_SURROGATE_LANES_H_
#define COHORT_KERNELS_SEGMENT_SURROGATE_LANES_H_

// The surrogates of kernels/segment_objective.h for sixteen tokens at a time, in fp32. Internal to kernels/: included
// by sources that are compiled once per instruction set; everything has internal linkage.

#include "kernels/segment_lanes.h"
#include "kernels/segment_objective.h"
#include "kernels/vector16.h"

namespace cohort::kernels {
namespace {

// Comparisons keep a NaN in v.
COHORT_INLINE F16 AtMost(F16 v, F16 high) { return Select(v > high, high, v); }
COHORT_INLINE F16 AtLeast(F16 v, F16 low) { return Select(v < low, low, v); }

// Sums of at most kBlockTokens / 16 vectors.
struct LossLanes {
  F16 loss{};
  I16 num_clipped_low{};
  I16 num_clipped_high{};
  I16 num_dual_clipped{};
};

// Adds to the totals and starts again from 0.
COHORT_INLINE void Flush(LossLanes* lanes, SegmentStatistics* total) {
  total->loss += static_cast<double>(Sum16(lanes->loss));
  total->num_clipped_low += SumCounts(lanes->num_clipped_low);
  total->num_clipped_high += SumCounts(lanes->num_clipped_high);
  total->num_dual_clipped += SumCounts(lanes->num_dual_clipped);
  *lanes = LossLanes{};
}

struct LaneBounds {
  F16 low;
  F16 high;
};

// Surrogate and slope of 16 tokens.
struct LaneSurrogate {
  F16 value;
  F16 slope;
};

COHORT_INLINE LaneSurrogate ClipLanes(const SegmentInputs<float>& in, F16 ratio, const LaneBounds& bounds,
                                      F16 advantage, I16 trained, LossLanes* lanes) {
  const I16 is_positive = trained & (advantage > F16{}), is_negative = trained & (advantage < F16{});
  F16 ceiling = Select(is_positive, bounds.high, Splat16(kInfinity));
  if (in.delta < kInfinity || in.dual_clip < kInfinity) {
    const F16 delta = Splat16(in.delta);
    ceiling =
        Select(is_positive, AtMost(bounds.high, delta), AtMost(AtLeast(bounds.high, delta), Splat16(in.dual_clip)));
  }
  const I16 is_above = ratio > ceiling;
  const I16 is_low = is_negative & (ratio < bounds.low), is_high = is_positive & is_above,
            is_dual = is_negative & is_above;
  lanes->num_clipped_low = lanes->num_clipped_low - is_low;
  lanes->num_clipped_high = lanes->num_clipped_high - is_high;
  lanes->num_dual_clipped = lanes->num_dual_clipped - is_dual;
  const F16 value = AtMost(Select(is_low, bounds.low, ratio), ceiling) * advantage;
  return {value, Select(is_low | is_high | is_dual, F16{}, ratio * advantage)};
}

COHORT_INLINE LaneSurrogate CispoLanes(F16 ratio, const LaneBounds& bounds, F16 advantage, F16 policy, I16 trained,
                                       LossLanes* lanes) {
  lanes->num_clipped_low = lanes->num_clipped_low - (trained & (ratio < bounds.low));
  lanes->num_clipped_high = lanes->num_clipped_high - (trained & (ratio > bounds.high));
  const F16 slope = AtMost(AtLeast(ratio, bounds.low), bounds.high) * advantage;
  return {slope * policy, slope};
}

// sigmoid and its slope from exp(-|z|), which neither overflows nor cancels.
COHORT_INLINE LaneSurrogate SapoLanes(const SegmentInputs<float>& in, F16 ratio, F16 advantage) {
  const I16 is_positive = advantage > F16{};
  const F16 tau = Select(is_positive, Splat16(in.tau_positive), Splat16(in.tau_negative));
  const F16 scale = Select(is_positive, Splat16(4.0f / in.tau_positive), Splat16(4.0f / in.tau_negative));
  const F16 z = tau * (ratio - 1.0f);
  const I16 is_above = z > F16{};
  const F16 q = Exp16(Select(is_above, F16{} - z, z)), sum = q + 1.0f;
  const F16 sigmoid = Select(is_above, Splat16(1.0f), q) / sum;
  return {scale * sigmoid * advantage, ratio * (q * 4.0f / (sum * sum)) * advantage};
}

// Adds 16 tokens to the loss; returns e, which is +0 where nothing is trained or there is no slope.
template <SurrogateKind kKind>
COHORT_INLINE F16 AddTokens(const SegmentInputs<float>& in, const TokenSpan& span, I16 trained, F16 ratio,
                            const LaneBounds& bounds, LossLanes* lanes) {
  const F16 advantage = LoadSpan(in.advantages_T, span), weight = LoadSpan(in.weights_T, span);
  LaneSurrogate surrogate{ratio * advantage, ratio * advantage};
  if constexpr (kKind == SurrogateKind::kClip) {
    surrogate = ClipLanes(in, ratio, bounds, advantage, trained, lanes);
  } else if constexpr (kKind == SurrogateKind::kCispo) {
    surrogate = CispoLanes(ratio, bounds, advantage, LoadSpan(in.policy_logprobs_T, span), trained, lanes);
  } else if constexpr (kKind == SurrogateKind::kSapo) {
    surrogate = SapoLanes(in, ratio, advantage);
  }
  lanes->loss = lanes->loss - Select(trained, weight * surrogate.value, F16{});
  return Select(trained & Not(surrogate.slope == F16{}), F16{} - weight * surrogate.slope, F16{});
}

}  // namespace
}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_SURROGATE_LANES_H_
