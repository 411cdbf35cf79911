// SPDX-License-Identifier: Apache-2.0
#include "objective/statistic_rounds.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "objective/clip_range.h"
#include "objective/entropy_readers.h"
#include "objective/entropy_scope.h"
#include "objective/mismatch_correction.h"
#include "objective/segments.h"
#include "objective/top_entropy.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {
namespace {

using cohort::v1::ObjectiveSpec;

// Sums of round 0: M, N, tokens per group, per reader and cell 3 numbers, mismatch sum and count, then the bins.
constexpr size_t kSumsPerCell = 3;
constexpr size_t kMaximaPerCell = 2;

// Hands out the next numbers of a list.
template <typename Number>
class Cursor final {
 public:
  explicit Cursor(std::span<Number> numbers) : rest_(numbers) {}
  std::span<Number> Next(size_t count) {
    const std::span<Number> next = rest_.first(count);
    rest_ = rest_.subspan(count);
    return next;
  }
  Number& Next() { return Next(1)[0]; }

 private:
  std::span<Number> rest_;
};

bool SearchesThreshold(const ObjectiveSpec& spec) {
  return spec.selection().has_top_entropy_share() && spec.selection().top_entropy_share() < 1;
}

template <typename Real>
std::vector<EntropyCell> CellsOfBatch(const ObjectiveSpec& spec, EntropyReader reader, const EntropyReading& reading,
                                      const TokenBatch<Real>& batch, const TrainedTokens& trained, size_t num_cells) {
  std::vector<EntropyCell> cells(num_cells);
  const std::vector<double> entropies_T = TokenEntropies(reading.source, batch);
  if (reader == kMixEntropy) {
    AddTokens(reading.scope, trained, entropies_T, &cells);
  } else {
    const cohort::v1::RatioBranch& branch = spec.branches(reader == kFirstBranchEntropy ? 0 : 1);
    AddToClipCells(branch, trained, CutSegments(branch.level(), trained), entropies_T, &cells);
  }
  return cells;
}

void AddCells(const std::vector<EntropyCell>& cells, Cursor<double>* sums, Cursor<double>* maxima) {
  for (const EntropyCell& cell : cells) {
    const std::span<double> cell_sums = sums->Next(kSumsPerCell);
    const std::span<double> cell_maxima = maxima->Next(kMaximaPerCell);
    if (cell.num_units == 0) continue;
    cell_sums[0] += cell.num_units;
    cell_sums[1] += cell.sum;
    cell_sums[2] += cell.sum_squares;
    cell_maxima[0] = std::max(cell_maxima[0], cell.max);
    cell_maxima[1] = std::max(cell_maxima[1], -cell.min);
  }
}

void TakeCells(Cursor<const double>* sums, Cursor<const double>* maxima, std::vector<EntropyCell>* cells) {
  for (EntropyCell& cell : *cells) {
    const std::span<const double> cell_sums = sums->Next(kSumsPerCell);
    const std::span<const double> cell_maxima = maxima->Next(kMaximaPerCell);
    if (cell_sums[0] == 0) continue;
    cell = {.num_units = cell_sums[0],
            .sum = cell_sums[1],
            .sum_squares = cell_sums[2],
            .min = -cell_maxima[1],
            .max = cell_maxima[0]};
  }
}

void CountTokens(const TrainedTokens& trained, std::span<double> group_tokens_P, Cursor<double>* sums) {
  double& num_tokens = sums->Next();
  sums->Next() += static_cast<double>(trained.sequences_S.size());
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    num_tokens += trained.num_tokens_S[i];
    if (!group_tokens_P.empty()) group_tokens_P[trained.sequences_S[i].group] += trained.num_tokens_S[i];
  }
}

}  // namespace

int NumStatisticRounds(const ObjectiveSpec& spec) { return SearchesThreshold(spec) ? kNumTopEntropyRounds : 1; }

bool MeasuresLogprobs(const ObjectiveSpec& spec) {
  for (int reader = 0; reader < kNumEntropyReaders; ++reader) {
    const std::optional<EntropyReading> reading = ReadingOf(spec, static_cast<EntropyReader>(reader));
    if (reading && reading->scope != cohort::v1::STATISTIC_SCOPE_RESPONSE) return true;
  }
  return SearchesThreshold(spec) || spec.mismatch().normalize();
}

UpdateStatistics FirstStatistics(const ObjectiveSpec& spec, int64_t num_groups) {
  UpdateStatistics statistics;
  // Demonstrations have no groups, whatever number their sequences carry.
  statistics.num_groups = spec.branches_size() == 0 ? 0 : num_groups;
  statistics.group_tokens_P.assign(static_cast<size_t>(statistics.num_groups), 0);
  for (int reader = 0; reader < kNumEntropyReaders; ++reader) {
    const std::optional<EntropyReading> reading = ReadingOf(spec, static_cast<EntropyReader>(reader));
    if (!reading || reading->scope == cohort::v1::STATISTIC_SCOPE_RESPONSE) continue;
    statistics.entropy_cells[reader].resize(
        static_cast<size_t>(NumCells(reading->scope, /*num_sequences=*/0, statistics.num_groups)));
  }
  return statistics;
}

StatisticSums ZeroSums(const ObjectiveSpec& spec, const UpdateStatistics& statistics) {
  StatisticSums sums;
  size_t num_sums = SearchesThreshold(spec) ? kNumTopEntropyBins : 0;
  size_t num_cells = 0;
  if (statistics.round == 0) {
    for (const std::vector<EntropyCell>& cells : statistics.entropy_cells) num_cells += cells.size();
    num_sums += 2 + statistics.group_tokens_P.size() + kSumsPerCell * num_cells + 2;
  }
  sums.sums.assign(num_sums, 0);
  sums.maxima.assign(kMaximaPerCell * num_cells, -std::numeric_limits<double>::infinity());
  return sums;
}

template <typename Real>
void MeasureBatch(const ObjectiveSpec& spec, const TokenBatch<Real>& batch, const UpdateStatistics& statistics,
                  StatisticSums* sums) {
  const TrainedTokens trained =
      FindTrainedTokens(batch.cu_seqlens, batch.sequences_S, spec.selection().drop_truncated());
  Cursor<double> next_sum(sums->sums);
  Cursor<double> next_maximum(sums->maxima);
  if (statistics.round == 0) {
    const std::span<double> group_tokens_P = std::span<double>(sums->sums).subspan(2, statistics.group_tokens_P.size());
    CountTokens(trained, group_tokens_P, &next_sum);
    next_sum.Next(group_tokens_P.size());
    for (int r = 0; r < kNumEntropyReaders; ++r) {
      const size_t num_cells = statistics.entropy_cells[r].size();
      if (num_cells == 0) continue;
      const EntropyReader reader = static_cast<EntropyReader>(r);
      const std::optional<EntropyReading> reading = ReadingOf(spec, reader);
      if (reading) AddCells(CellsOfBatch(spec, reader, *reading, batch, trained, num_cells), &next_sum, &next_maximum);
    }
    const std::span<double> mismatch = next_sum.Next(2);
    if (spec.mismatch().normalize()) {
      const FactorSum factors =
          SumFactors(spec.mismatch(), trained,
                     MismatchFactors(spec.mismatch(), trained, batch.proximal_logprobs_T, batch.behavior_logprobs_T));
      mismatch[0] += factors.sum;
      mismatch[1] += factors.count;
    }
  }
  if (SearchesThreshold(spec)) {
    CountTopEntropy(trained, TokenEntropies(cohort::v1::ENTROPY_SOURCE_PROXIMAL, batch), statistics,
                    next_sum.Next(kNumTopEntropyBins));
  }
}

void ConcludeRound(const ObjectiveSpec& spec, const StatisticSums& sums, UpdateStatistics* statistics) {
  Cursor<const double> next_sum(sums.sums);
  Cursor<const double> next_maximum(sums.maxima);
  if (statistics->round == 0) {
    statistics->num_tokens = next_sum.Next();
    statistics->num_sequences = next_sum.Next();
    const std::span<const double> group_tokens_P = next_sum.Next(statistics->group_tokens_P.size());
    statistics->group_tokens_P.assign(group_tokens_P.begin(), group_tokens_P.end());
    for (std::vector<EntropyCell>& cells : statistics->entropy_cells) TakeCells(&next_sum, &next_maximum, &cells);
    const std::span<const double> mismatch = next_sum.Next(2);
    // When every factor is 0, so is the loss, whatever it is divided by.
    statistics->mean_mismatch_weight = mismatch[0] > 0 ? mismatch[0] / mismatch[1] : 1;
  }
  if (SearchesThreshold(spec)) {
    NarrowTopEntropy(spec.selection().top_entropy_share(), next_sum.Next(kNumTopEntropyBins), statistics);
  }
  ++statistics->round;
}

template void MeasureBatch(const ObjectiveSpec&, const TokenBatch<float>&, const UpdateStatistics&, StatisticSums*);
template void MeasureBatch(const ObjectiveSpec&, const TokenBatch<double>&, const UpdateStatistics&, StatisticSums*);

}  // namespace cohort::objective
