// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_LOSS_REDUCTION_H_
#define COHORT_OBJECTIVE_LOSS_REDUCTION_H_

#include <vector>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/segments.h"
#include "objective/trained_tokens.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// omega_t of the loss sum_t omega_t L_t. M tokens, N sequences and P groups are the update's totals over all ranks, so
// that the shares of microbatches and ranks add up to the same loss however they were cut:
//
//   token_mean                     1 / M                             DAPO's code, most libraries' default
//   sequence_mean_token_mean       1 / (N n_i)                       GRPO, GSPO
//   sequence_mean_token_sum        1 / N                             LUSPO
//   sequence_mean_token_sum_norm   1 / (N L)                         Dr.GRPO
//   group_token_mean               1 / (P sum_{j in group} n_j)      DAPO's formula
//   sequence_mean_segment_mean     1 / (N K_i n_S)                   sentences count the same
//   item_mean                      1 / (N num_items n_S)             Rank-GRPO's formula
//   token_sum                      1
//
// n_i, n_S: trained tokens of the sequence and of the segment of the first branch; K_i: its segments that have any.
// Sequences without trained tokens count in N, groups without any in P. 0 for tokens that are not trained. Pure.
std::vector<double> TokenWeights(const cohort::v1::ObjectiveSpec& spec, const TrainedTokens& trained,
                                 const Segments& segments, const UpdateStatistics& totals);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_LOSS_REDUCTION_H_
