// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_UPDATE_STATISTICS_H_
#define COHORT_OBJECTIVE_UPDATE_STATISTICS_H_

#include <array>
#include <cstdint>
#include <vector>

namespace cohort::objective {

// Numbers of one measuring round that add up over microbatches and ranks: `sums` by addition, `maxima` by the larger.
// Their lengths depend on objective, round and number of groups alone, so ranks without sequences agree with the
// others.
struct StatisticSums {
  std::vector<double> sums;
  std::vector<double> maxima;
};

// Entropies of the units (tokens or segments) of one scope cell.
struct EntropyCell {
  double num_units = 0;
  double sum = 0;
  double sum_squares = 0;
  double min = 0;  // of tokens; both 0 without any
  double max = 0;
};

// Which reader of entropies a set of cells belongs to.
enum EntropyReader { kFirstBranchEntropy = 0, kSecondBranchEntropy = 1, kMixEntropy = 2, kNumEntropyReaders = 3 };

// What must be known of a whole update, all ranks and microbatches, before the first backward. Made by
// Objective::BeginStatistics, completed by one Conclude per round. A plain value, equal on every rank.
struct UpdateStatistics {
  int64_t num_groups = 0;    // P
  int round = 0;             // rounds concluded so far
  double num_tokens = 0;     // M, trained
  double num_sequences = 0;  // N, fully masked ones included
  std::vector<double> group_tokens_P;
  // Per reader: none, one cell of the update, or one per group.
  std::array<std::vector<EntropyCell>, kNumEntropyReaders> entropy_cells;
  double mean_mismatch_weight = 1;
  // Tokens of at least this entropy keep their surrogate (top_entropy.h).
  double entropy_threshold = 0;
  // State of the search for it: the leading bits of its key, and how many tokens lie below among those that share them.
  uint64_t threshold_prefix = 0;
  double threshold_rank = 0;
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_UPDATE_STATISTICS_H_
