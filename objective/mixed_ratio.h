// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_MIXED_RATIO_H_
#define COHORT_OBJECTIVE_MIXED_RATIO_H_

#include <span>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/branch_statistics.h"
#include "objective/clip_range.h"
#include "objective/segment_ratio.h"

namespace cohort::objective {

// One of the two branches whose ratios are mixed.
template <typename Real>
struct MixedBranch {
  const cohort::v1::RatioBranch& branch;
  const RatioInputs<Real>& inputs;
  const ClipRange& range;
};

struct MixedLoss {
  double loss = 0;
  BranchStatistics first;
  BranchStatistics second;
};

// DHPO (arXiv 2601.05607) with one clipped surrogate of mixed ratios, with v_t = omega_t c_t and w_t of branch_mix.h:
//
//   m   = w rho_1 + (1 - w) rho_2          m' = w clip(rho_1, lo_1, hi_1) + (1 - w) clip(rho_2, lo_2, hi_2)
//   L   = -sum_t m_t v_t min(m A_t, m' A_t)
//   e_b = -v_t w_b A_t rho_b a_b,   a_b = 1 where m A_t < m' A_t or rho_b is in its own range, else 0
//
// Differs from mixed surrogates only where the ratios leave their ranges on opposite sides. Adds dL/dx to gradient_T.
template <typename Real>
MixedLoss AddMixedRatio(const MixedBranch<Real>& first, const MixedBranch<Real>& second, std::span<const double> mix_T,
                        std::span<const double> weights_T, std::span<Real> gradient_T);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_MIXED_RATIO_H_
