// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_OBJECTIVE_H_
#define COHORT_KERNELS_SEGMENT_OBJECTIVE_H_

// The clipped surrogate over segments (contiguous spans of tokens that share one importance ratio): loss, gradient with
// respect to the policy log-probs, statistics. One branch; callers mix branches by their weights.
//
//   l_t    = clamp(x_t - o_t, -20, 20)              x policy, o proximal log-probs
//   rho_S  = exp(sum_S m_t l_t / n_S)               n_S = sum_S m_t; segments with n_S = 0 are skipped
//   u_t    = min(rho A_t, clip(rho, 1 - low, 1 + high) A_t)
//   loss   = -sum_t m_t w_t u_t
//   e_t    = -w_t A_t rho_S a_t,   a_t = (A_t > 0 and rho <= 1 + high) or (A_t < 0 and rho >= 1 - low)
//   local:    g_t = m_t e_t
//   through:  g_t = m_t c_t sum_S(m e) / n_S,       c_t = 1 where |x_t - o_t| <= 20, else 0
//
// Equality is active. In a segment with one unmasked token both flows are the through form. Masked tokens get exactly
// 0. Sums run in token order, fp64 inside a segment for both types.

#include <cstdint>

#include "kernels/cpu_target.h"

namespace cohort::kernels {

enum class SegmentFlow : int32_t {
  kLocal = 0,   // the ratio's value, the token's own gradient (GSPO-token)
  kThrough = 1  // the gradient of the ratio itself, spread over the segment
};

// Shapes: T tokens, S segments. Pointers belong to the caller.
template <typename Real>
struct SegmentInputs {
  const Real* policy_logprobs_T;
  const Real* proximal_logprobs_T;
  const Real* advantages_T;
  const Real* weights_T;            // already divided by the loss denominator
  const uint8_t* mask_T = nullptr;  // null: every token is trained
  int64_t num_tokens = 0;
  const int64_t* segment_offsets = nullptr;  // S + 1 ascending from 0 to T; null: one segment per token
  int64_t num_segments = 0;                  // ignored without offsets
  Real clip_low = 0;                         // the ratio is kept in [1 - clip_low, 1 + clip_high]
  Real clip_high = 0;
  const Real* clip_low_S = nullptr;  // per segment instead; both or neither
  const Real* clip_high_S = nullptr;
  SegmentFlow flow = SegmentFlow::kThrough;
};

// Sums over unmasked tokens. With none, min_ratio is +infinity and max_ratio -infinity.
struct SegmentStatistics {
  double loss;
  double sum_ratio;
  double min_ratio;
  double max_ratio;
  double num_clipped_low;   // A < 0 and ratio < 1 - clip_low: no gradient
  double num_clipped_high;  // A > 0 and ratio > 1 + clip_high
  double num_tokens;
};

// gradient_T gets d loss / d policy_logprobs. Instantiated for float and double. Keeps no state; for float the bits are
// the same under every instruction set.
template <typename Real>
SegmentStatistics ComputeSegmentObjective(const SegmentInputs<Real>& inputs, Real* gradient_T,
                                          CpuTarget target = BestCpuTarget());

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_OBJECTIVE_H_
