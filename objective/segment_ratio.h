// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_SEGMENT_RATIO_H_
#define COHORT_OBJECTIVE_SEGMENT_RATIO_H_

#include <span>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/segments.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {

// What a branch's ratios are made of.
//
//   l_t    = clamp(x_t - o_t, -20, 20)
//   phi_t  = min(l_t, k) for A_t > 0, max(l_t, -k) for A_t < 0, with k = token_log_clip; l_t without it
//   rho_S  = exp(1 / n_S sum_{t in S} m_t phi_t)
template <typename Real>
struct RatioInputs {
  const TrainedTokens& trained;
  const Segments& segments;
  std::span<const Real> policy_T;
  std::span<const Real> proximal_T;
  std::span<const double> advantages_T;
};

// rho of every segment; 1 for one without trained tokens. Pure.
template <typename Real>
std::vector<double> SegmentRatios(const cohort::v1::RatioBranch& branch, const RatioInputs<Real>& inputs);

// Carries e_t = d loss / d log rho_{S(t)}, as far as token t's term contributes it, to the log-probs:
//
//   through   g_t += m_t phi'_t / n_S sum_{t' in S} m_t' e_t'        phi' = 1 where phi moves with x, else 0
//   local     g_t += m_t e_t
//
// A segment of one trained token takes the first form for both: its ratio is the token's own.
template <typename Real>
void AddThroughRatios(const cohort::v1::RatioBranch& branch, const RatioInputs<Real>& inputs,
                      std::span<const double> e_T, std::span<double> gradient_T);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_SEGMENT_RATIO_H_
