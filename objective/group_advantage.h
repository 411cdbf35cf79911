// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_GROUP_ADVANTAGE_H_
#define COHORT_OBJECTIVE_GROUP_ADVANTAGE_H_

#include <cstdint>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

// One number per sequence of a step, by group and sibling.
using StepValues = std::vector<std::vector<double>>;
using StepVerdicts = std::vector<std::vector<uint8_t>>;

// Values less their group's baseline, over what spec.scale() says, over the sequences with a verdict:
//
//   group mean       D_i = R_i - mean                           (GRPO, arXiv 2402.03300)
//   leave one out    D_i = R_i - mean of the others = n / (n - 1) (R_i - mean)     (RLOO)
//   group_std        A_i = D_i / (std of the group's R + epsilon)
//   batch_std        A_i = D_i / (std of the step's D + epsilon), whose mean is 0 by construction
//   none             A_i = D_i                                  (Dr.GRPO, arXiv 2503.20783)
//
// std divides by n - 1, or by n with population_std. No verdict gives 0; a group with fewer than two verdicts, or whose
// values are all equal, is exactly 0 throughout: rounding of the mean would leave a residue that a small std blows up.
// Pure.
StepValues NormalizeGroups(const cohort::v1::AdvantageSpec& spec, const StepValues& values,
                           const StepVerdicts& verdicts);

// A / (std of the step's A + epsilon), whose mean is 0 by construction, so that 0 stays exactly 0 (GDPO, arXiv
// 2601.05242).
void WhitenStep(const cohort::v1::AdvantageSpec& spec, const StepVerdicts& verdicts, StepValues* advantages);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_GROUP_ADVANTAGE_H_
