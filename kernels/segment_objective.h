// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_OBJECTIVE_H_
#define COHORT_KERNELS_SEGMENT_OBJECTIVE_H_

// One surrogate over segments (contiguous spans of tokens that share one importance ratio): loss, gradient with respect
// to the policy log-probs, statistics. Callers mix branches by their weights and add up the gradients.
//
//   l_t    = clamp(x_t - o_t, -20, 20)                    x policy, o proximal log-probs, m mask, A advantage, w weight
//   phi_t  = min(l_t, k) where A_t > 0, max(l_t, -k) where A_t < 0, else l_t       k = token_log_clip
//   n_S    = sum_S m_t; segments with n_S = 0 are skipped
//   rho_S  = exp(sum_S m_t phi_t / n_S)
//   loss   = -sum_t m_t w_t u_t,   e_t = -w_t A_t s_t
//
//   kind       u_t                                                      s_t
//   clip       min(min(rho, delta) A, clip(rho) A); for A < 0 at        rho where u_t moves with rho, else 0
//              least dual_clip A
//   unclipped  rho A                                                    rho
//   SAPO       (4 / tau) sigmoid(tau (rho - 1)) A                       rho 4 sigmoid (1 - sigmoid)
//   CISPO      sg[clip(rho)] A x                                        clip(rho)
//
//   clip(rho) keeps the ratio in [1 - clip_low, 1 + clip_high]; tau is tau_positive where A > 0, else tau_negative.
//   CISPO, and flow local:  g_t = m_t e_t
//   flow through:           g_t = m_t c_t sum_S(m e) / n_S,   c_t = 1 where phi_t moves with x_t, else 0
//
// Equality is active: with rho on a bound, or l_t on a limit, the gradient flows. In a segment with one unmasked token
// both flows are the through form. Masked tokens, and tokens of segments without an advantage, get exactly 0.
//
// Reduction order. fp64: token order. fp32: a segment's sums run on 16 lanes counted from its first token (token level:
// from each multiple of 1,024), in fp32 over 1,024 tokens and from there on in fp64; so ratio and gradient of a segment
// depend on its tokens alone, not on its place.

#include <cstdint>
#include <limits>

#include "kernels/cpu_target.h"

namespace cohort::kernels {

enum class SegmentFlow : int32_t {
  kLocal = 0,   // the ratio's value, the token's own gradient (GSPO-token)
  kThrough = 1  // the gradient of the ratio itself, spread over the segment
};

enum class SurrogateKind : int32_t { kClip = 0, kCispo = 1, kSapo = 2, kUnclipped = 3 };

// Shapes: T tokens, S segments. Pointers belong to the caller.
template <typename Real>
struct SegmentInputs {
  const Real* policy_logprobs_T;
  const Real* proximal_logprobs_T;
  const Real* advantages_T;
  const Real* weights_T;            // loss weight over its denominator, times every detached factor of the token
  const uint8_t* mask_T = nullptr;  // null: every token is trained
  int64_t num_tokens = 0;
  const int64_t* segment_offsets = nullptr;  // S + 1 ascending from 0 to T; null: one segment per token
  int64_t num_segments = 0;                  // ignored without offsets
  SurrogateKind kind = SurrogateKind::kClip;
  SegmentFlow flow = SegmentFlow::kThrough;
  // Of kinds clip and CISPO. Bounds are given once, per segment, or per token: a pair that is set replaces the former.
  Real clip_low = 0;
  Real clip_high = 0;
  const Real* clip_low_S = nullptr;
  const Real* clip_high_S = nullptr;
  const Real* clip_low_T = nullptr;
  const Real* clip_high_T = nullptr;
  // Off at infinity. dual_clip and delta: of kind clip, at least the lower bound.
  Real dual_clip = std::numeric_limits<Real>::infinity();
  Real delta = std::numeric_limits<Real>::infinity();
  Real token_log_clip = std::numeric_limits<Real>::infinity();
  // Of kind SAPO; above 0.
  Real tau_positive = 1;
  Real tau_negative = 1;
  // Adds to gradient_T instead of overwriting it.
  bool adds_to_gradient = false;
};

// Sums over unmasked tokens. With none, min_ratio is +infinity and max_ratio -infinity.
struct SegmentStatistics {
  double loss;
  double sum_ratio;
  double min_ratio;
  double max_ratio;
  // Kind clip: tokens without a gradient for that reason. Kind CISPO: tokens whose factor is the bound. Others: 0.
  double num_clipped_low;   // clip: A < 0 and ratio below the range
  double num_clipped_high;  // clip: A > 0 and ratio above the range or delta
  double num_dual_clipped;  // clip: A < 0 and ratio above dual_clip, or above delta and the range
  double num_tokens;
};

// gradient_T gets d loss / d policy_logprobs. Instantiated for float and double. Keeps no state; for float the bits are
// the same under every instruction set.
template <typename Real>
SegmentStatistics ComputeSegmentObjective(const SegmentInputs<Real>& inputs, Real* gradient_T,
                                          CpuTarget target = BestCpuTarget());

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_OBJECTIVE_H_
