// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TOP_ENTROPY_H_
#define COHORT_OBJECTIVE_TOP_ENTROPY_H_

#include <span>

#include "objective/trained_tokens.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// Which tokens are among the share of highest entropy of the whole update ("Beyond the 80/20 rule": high-entropy
// tokens carry the learning). The threshold is the (1 - share) quantile of the trained tokens' entropies: tokens at or
// above it keep their surrogate, ties included. It is found exactly, whatever the cut into microbatches and ranks, by
// counting 16 bits of an order-preserving key per round.
inline constexpr int kNumTopEntropyRounds = 4;
inline constexpr int kNumTopEntropyBins = 1 << 16;

// Counts the trained tokens whose leading bits are those found so far, by the next 16. `bins` has kNumTopEntropyBins.
void CountTopEntropy(const TrainedTokens& trained, std::span<const double> entropies_T,
                     const UpdateStatistics& statistics, std::span<double> bins);

// Takes the counts of statistics->round over the update; the last round sets the threshold.
void NarrowTopEntropy(double share, std::span<const double> bins, UpdateStatistics* statistics);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TOP_ENTROPY_H_
