// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_ADVANTAGE_H_
#define COHORT_OBJECTIVE_ADVANTAGE_H_

#include "cohort/v1/objective_spec.pb.h"
#include "objective/objective.h"

namespace cohort::objective {

struct GroupBaseline {
  cohort::v1::AdvantageScale scale = cohort::v1::ADVANTAGE_SCALE_GROUP_STD;
  double epsilon = 1e-6;  // added to the standard deviation
};

// A_i = (R_i - mean) / (std + epsilon) with the unbiased standard deviation of the group (GRPO, arXiv 2402.03300), or
// A_i = R_i - mean with scale NONE (Dr.GRPO, arXiv 2503.20783). Statistics cover verdicts only; siblings without one
// get 0. Fewer than two verdicts, or equal rewards, give exactly 0 throughout. Pure, thread-safe.
GroupAdvantages ComputeGroupAdvantages(const GroupRewards& group, const GroupBaseline& baseline);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_ADVANTAGE_H_
