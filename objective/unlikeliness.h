// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_UNLIKELINESS_H_
#define COHORT_OBJECTIVE_UNLIKELINESS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/rollout_facts.h"

namespace cohort::objective {

// "Rewarding the unlikely", arXiv 2506.02355: the likeliest right answer earns least, so that rare solutions survive.
//
//   R_i <- R_i (1 - coefficient rank_i / G)
//
// rank_i from 0 counts siblings of lower mean behavior log-prob, the first of equals lower; G is the number of judged
// siblings. The reference code ranks all judged siblings, the paper those with a positive reward: among_correct. Pure.
// `rewards` has one number per sibling and is changed where there is a verdict.
void ApplyUnlikeliness(const cohort::v1::UnlikelinessSpec& spec, const GroupFacts& group, std::vector<double>* rewards);

// Rank from 0 of each value from below among those that are `counted`; 0 for the others.
std::vector<int64_t> AscendingRanks(std::span<const double> values, std::span<const uint8_t> counted);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_UNLIKELINESS_H_
