// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_KL_PENALTY_H_
#define COHORT_OBJECTIVE_KL_PENALTY_H_

#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

// Estimators of KL(policy || reference) from one token (Schulman, "Approximating KL divergence"), d = x - f:
//
//              k                       dk / dx
//   k1         d                       1            in the loss its expectation moves nothing: for the reward
//   abs        |d|                     sign d
//   k2         d^2 / 2                 d            the gradient is unbiased on-policy
//   k3         exp(-d) - 1 + d         1 - exp(-d)  value unbiased; kept at most 10, where the gradient is 0
//   k1_plus    that of k1              that of k2   straight-through
//   k3_plus    that of k3              that of k2   straight-through, also where the value is cut
struct KlTerm {
  double value;
  double derivative;
};

// Pure.
KlTerm EstimateKl(cohort::v1::KlSpec::Estimator estimator, double log_ratio);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_KL_PENALTY_H_
