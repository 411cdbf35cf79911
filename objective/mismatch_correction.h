// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_MISMATCH_CORRECTION_H_
#define COHORT_OBJECTIVE_MISMATCH_CORRECTION_H_

#include <span>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {

// c_t, the detached factor that corrects a token's surrogate for the difference between the proximal policy o and the
// policy b that sampled it: train-inference mismatch (TIS, MIS, IcePop) or staleness (decoupled PPO, AReaL).
//
//   log w = o_t - b_t                       level token
//           sum_t m_t (o_t - b_t)           level sequence
//           the same / n_i                  level sequence_mean         all kept in [-20, 20]
//   c     = min(w, cap)                     truncate (TIS; decoupled PPO caps at 5)
//           w where low <= w <= cap, else 0 mask (IcePop by token, MIS by sequence)
//
// Left open: what the mean of `normalize` is over. Ours: trained tokens at level token, else sequences that have any.
// Denominators of the loss stay as they are. Pure. 1 for every token without a correction.
template <typename Real>
std::vector<double> MismatchFactors(const cohort::v1::MismatchSpec& spec, const TrainedTokens& trained,
                                    std::span<const Real> proximal_T, std::span<const Real> behavior_T);

// What the mean of `normalize` is made of.
struct FactorSum {
  double sum = 0;
  double count = 0;
};
FactorSum SumFactors(const cohort::v1::MismatchSpec& spec, const TrainedTokens& trained,
                     std::span<const double> factors_T);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_MISMATCH_CORRECTION_H_
