// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_ITEM_REWARDS_H_
#define COHORT_OBJECTIVE_ITEM_REWARDS_H_

#include <span>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

// Rewards of list positions 1..N from hits (Rank-GRPO, arXiv 2510.20150). Positions past the hits have none, hits past
// N do not count.
//
//   exp_inf      r_k = hit_k
//   log_decay    r_k = sum_{j >= k} hit_j d_j,   d_1 = 1, d_j = 1 / log2(j + 1)
//   exp_gamma    r_k = sum_{j >= k} hit_j gamma^-(j - k)
//
// Pure.
std::vector<double> ItemRewards(const cohort::v1::ItemAdvantageSpec& spec, std::span<const double> hits);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_ITEM_REWARDS_H_
