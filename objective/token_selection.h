// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TOKEN_SELECTION_H_
#define COHORT_OBJECTIVE_TOKEN_SELECTION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/token_batch.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {

// 1 for tokens whose surrogate is kept, 0 for those that are left out. They stay in the denominators, in their
// segment's ratio, in KL penalty and entropy bonus.
//
//   top_entropy_share      H_t >= the update's threshold (top_entropy.h)
//   off_policy_threshold   a sequence whose advantages sum to less than 0 is left out when the mean of b_t - x_t over
//                          its trained tokens exceeds the threshold (DeepSeek-V3.2)
//
// Pure.
template <typename Real>
std::vector<uint8_t> SelectTokens(const cohort::v1::SelectionSpec& spec, const TrainedTokens& trained,
                                  const TokenBatch<Real>& batch, std::span<const double> advantages_T,
                                  double entropy_threshold);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TOKEN_SELECTION_H_
