// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TRAINED_TOKENS_H_
#define COHORT_OBJECTIVE_TRAINED_TOKENS_H_

// Shapes: T completion tokens of a microbatch, S sequences.
#include <cstdint>
#include <span>
#include <vector>

#include "objective/token_batch.h"

namespace cohort::objective {

// The loss mask m of a microbatch: the sequences' own masks, without truncated sequences if they are dropped. The spans
// are the batch's.
struct TrainedTokens {
  std::span<const int64_t> cu_seqlens;
  std::span<const BatchSequence> sequences_S;
  std::vector<uint8_t> mask_T;
  std::vector<double> num_tokens_S;  // n_i = sum of m
};

// Pure.
TrainedTokens FindTrainedTokens(std::span<const int64_t> cu_seqlens, std::span<const BatchSequence> sequences_S,
                                bool drop_truncated);

// A_t of every token as the sequences say it.
std::vector<double> TokenAdvantages(const TrainedTokens& trained);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TRAINED_TOKENS_H_
