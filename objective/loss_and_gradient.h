// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_LOSS_AND_GRADIENT_H_
#define COHORT_OBJECTIVE_LOSS_AND_GRADIENT_H_

// Shapes: T completion tokens of a microbatch.
#include <vector>

#include "objective/metric_sums.h"

namespace cohort::objective {

template <typename Real>
struct LossAndGradient {
  double loss = 0;                       // this microbatch's share of the update's loss
  std::vector<Real> gradient_T;          // d loss / d policy_logprobs
  std::vector<Real> entropy_gradient_T;  // d loss / d policy_entropies; empty without an entropy bonus
  MetricSums sums;
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_LOSS_AND_GRADIENT_H_
