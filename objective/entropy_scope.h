// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_ENTROPY_SCOPE_H_
#define COHORT_OBJECTIVE_ENTROPY_SCOPE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/segments.h"
#include "objective/token_batch.h"
#include "objective/trained_tokens.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// H_t of every token, or its surprisal -o_t. Detached.
template <typename Real>
std::vector<double> TokenEntropies(cohort::v1::EntropySource source, const TokenBatch<Real>& batch) {
  const bool is_surprisal = source == cohort::v1::ENTROPY_SOURCE_SURPRISAL;
  const std::span<const Real> from = is_surprisal ? batch.proximal_logprobs_T : batch.proximal_entropies_T;
  std::vector<double> entropies_T(from.begin(), from.end());
  if (is_surprisal) {
    for (double& entropy : entropies_T) entropy = -entropy;
  }
  return entropies_T;
}

// H_S = mean of H over the trained tokens of each segment; 0 without any.
std::vector<double> SegmentEntropies(const Segments& segments, const TrainedTokens& trained,
                                     std::span<const double> entropies_T);

// How many cells a scope has, and which one a sequence of the microbatch is in. Scope RESPONSE has one cell per
// sequence of the microbatch; the others are of the update.
int64_t NumCells(cohort::v1::StatisticScope scope, int64_t num_sequences, int64_t num_groups);
int64_t CellOf(cohort::v1::StatisticScope scope, const TrainedTokens& trained, int64_t sequence);

// Adds one value. Min and max are those of the values; those of an empty cell are taken from the first.
void AddToCell(double value, EntropyCell* cell);

// Adds every trained token's entropy to the cell of its sequence.
void AddTokens(cohort::v1::StatisticScope scope, const TrainedTokens& trained, std::span<const double> entropies_T,
               std::vector<EntropyCell>* cells);

// Adds every segment's mean entropy, if it has trained tokens.
void AddSegments(cohort::v1::StatisticScope scope, const TrainedTokens& trained, const Segments& segments,
                 std::span<const double> segment_entropies, std::vector<EntropyCell>* cells);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_ENTROPY_SCOPE_H_
