// SPDX-License-Identifier: Apache-2.0
#include "objective/entropy_scope.h"

#include <algorithm>
#include <cstddef>

namespace cohort::objective {

std::vector<double> SegmentEntropies(const Segments& segments, const TrainedTokens& trained,
                                     std::span<const double> entropies_T) {
  std::vector<double> means;
  for (int64_t s = 0; s < segments.num_segments(); ++s) {
    double sum = 0;
    for (int64_t t = segments.offsets[s]; t < segments.offsets[s + 1]; ++t) {
      sum += trained.mask_T[t] ? entropies_T[t] : 0;
    }
    means.push_back(segments.num_tokens[s] > 0 ? sum / segments.num_tokens[s] : 0);
  }
  return means;
}

int64_t NumCells(cohort::v1::StatisticScope scope, int64_t num_sequences, int64_t num_groups) {
  if (scope == cohort::v1::STATISTIC_SCOPE_RESPONSE) return num_sequences;
  return scope == cohort::v1::STATISTIC_SCOPE_GROUP ? num_groups : 1;
}

int64_t CellOf(cohort::v1::StatisticScope scope, const TrainedTokens& trained, int64_t sequence) {
  if (scope == cohort::v1::STATISTIC_SCOPE_RESPONSE) return sequence;
  return scope == cohort::v1::STATISTIC_SCOPE_GROUP ? trained.sequences_S[sequence].group : 0;
}

void AddToCell(double value, EntropyCell* cell) {
  cell->min = cell->num_units > 0 ? std::min(cell->min, value) : value;
  cell->max = cell->num_units > 0 ? std::max(cell->max, value) : value;
  cell->num_units += 1;
  cell->sum += value;
  cell->sum_squares += value * value;
}

void AddTokens(cohort::v1::StatisticScope scope, const TrainedTokens& trained, std::span<const double> entropies_T,
               std::vector<EntropyCell>* cells) {
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    EntropyCell& cell = (*cells)[CellOf(scope, trained, static_cast<int64_t>(i))];
    for (int64_t t = trained.cu_seqlens[i]; t < trained.cu_seqlens[i + 1]; ++t) {
      if (trained.mask_T[t]) AddToCell(entropies_T[t], &cell);
    }
  }
}

void AddSegments(cohort::v1::StatisticScope scope, const TrainedTokens& trained, const Segments& segments,
                 std::span<const double> segment_entropies, std::vector<EntropyCell>* cells) {
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    EntropyCell& cell = (*cells)[CellOf(scope, trained, static_cast<int64_t>(i))];
    for (int64_t s = segments.first_segment_S[i]; s < segments.first_segment_S[i + 1]; ++s) {
      if (segments.num_tokens[s] > 0) AddToCell(segment_entropies[s], &cell);
    }
  }
}

}  // namespace cohort::objective
