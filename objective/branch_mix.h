// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_BRANCH_MIX_H_
#define COHORT_OBJECTIVE_BRANCH_MIX_H_

#include <span>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/trained_tokens.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// w_t of the first branch (DHPO, arXiv 2601.05607); the second has 1 - w_t. Detached.
//
//   average   1 / 2
//   entropy   (H_t - min H) / (max H - min H) over the trained tokens of the scope, 1 / 2 where they are equal;
//             1 minus that if inverted
//
// `cells` as in clip_range.h. Pure.
std::vector<double> MixWeights(const cohort::v1::MixSpec& spec, const TrainedTokens& trained,
                               std::span<const double> entropies_T, std::span<const EntropyCell> cells);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_BRANCH_MIX_H_
