// SPDX-License-Identifier: Apache-2.0
#include "objective/clip_range.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "objective/entropy_scope.h"

namespace cohort::objective {
namespace {

using cohort::v1::RatioBranch;

constexpr double kEta = 1e-8;

// Population standard deviation; what rounding leaves of equal values is 0.
double Deviation(const EntropyCell& cell, double mean) {
  const double variance = cell.sum_squares / cell.num_units - mean * mean;
  return variance > 1e-14 * mean * mean ? std::sqrt(variance) : 0;
}

double Kappa(const RatioBranch& branch, double entropy, const EntropyCell& cell) {
  double kappa = 1;
  const double mean = cell.num_units > 0 ? cell.sum / cell.num_units : 0;
  if (branch.adaptation() == cohort::v1::CLIP_ADAPTATION_TANH_Z) {
    const double deviation = cell.num_units > 0 ? Deviation(cell, mean) : 0;
    if (deviation > 0) kappa = 1 + branch.tanh_alpha() * std::tanh((entropy - mean) / (deviation + kEta));
  } else if (mean > 0) {
    kappa = entropy / mean;
  }
  return std::clamp(kappa, branch.kappa_min(), branch.kappa_max());
}

void AppendBounds(const RatioBranch& branch, double kappa, ClipRange* range) {
  switch (branch.adaptation()) {
    case cohort::v1::CLIP_ADAPTATION_LOG:
      range->low_units.push_back(-std::expm1(-std::log1p(branch.clip_low()) * kappa));
      range->high_units.push_back(std::expm1(std::log1p(branch.clip_high()) * kappa));
      return;
    case cohort::v1::CLIP_ADAPTATION_UPPER_ONLY:
      range->low_units.push_back(branch.clip_low());
      range->high_units.push_back(branch.clip_high() * kappa);
      return;
    default:
      range->low_units.push_back(branch.clip_low() * kappa);
      range->high_units.push_back(branch.clip_high() * kappa);
  }
}

bool IsPerToken(const RatioBranch& branch, const Segments& segments) {
  return branch.per_token_bounds() || segments.is_token_level;
}

}  // namespace

ClipRange FindClipRange(const RatioBranch& branch, const TrainedTokens& trained, const Segments& segments,
                        std::span<const double> entropies_T, std::span<const EntropyCell> cells) {
  ClipRange range{.low = branch.clip_low(),
                  .high = branch.clip_high(),
                  .is_per_token = IsPerToken(branch, segments),
                  .low_units = {},
                  .high_units = {}};
  if (branch.adaptation() == cohort::v1::CLIP_ADAPTATION_NONE ||
      branch.adaptation() == cohort::v1::CLIP_ADAPTATION_UNSPECIFIED) {
    return range;
  }
  const std::vector<double> segment_entropies =
      range.is_per_token ? std::vector<double>() : SegmentEntropies(segments, trained, entropies_T);
  const std::span<const double> units = range.is_per_token ? entropies_T : std::span<const double>(segment_entropies);
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    const EntropyCell& cell = cells[CellOf(branch.adaptation_scope(), trained, static_cast<int64_t>(i))];
    const int64_t begin = range.is_per_token ? trained.cu_seqlens[i] : segments.first_segment_S[i];
    const int64_t end = range.is_per_token ? trained.cu_seqlens[i + 1] : segments.first_segment_S[i + 1];
    for (int64_t u = begin; u < end; ++u) AppendBounds(branch, Kappa(branch, units[u], cell), &range);
  }
  return range;
}

void AddToClipCells(const RatioBranch& branch, const TrainedTokens& trained, const Segments& segments,
                    std::span<const double> entropies_T, std::vector<EntropyCell>* cells) {
  if (branch.adaptation() == cohort::v1::CLIP_ADAPTATION_TANH_Z && !IsPerToken(branch, segments)) {
    AddSegments(branch.adaptation_scope(), trained, segments, SegmentEntropies(segments, trained, entropies_T), cells);
  } else {
    AddTokens(branch.adaptation_scope(), trained, entropies_T, cells);
  }
}

}  // namespace cohort::objective
