// SPDX-License-Identifier: Apache-2.0
#include "objective/mixed_ratio.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cohort::objective {
namespace {

// rho, lo and hi of every token.
struct TokenRatios {
  std::vector<double> ratio_T;
  std::vector<double> low_T;
  std::vector<double> high_T;

  double Clipped(size_t t) const { return std::clamp(ratio_T[t], low_T[t], high_T[t]); }
  bool IsInRange(size_t t) const { return ratio_T[t] >= low_T[t] && ratio_T[t] <= high_T[t]; }
};

template <typename Real>
TokenRatios PerToken(const MixedBranch<Real>& mixed) {
  TokenRatios result;
  const Segments& segments = mixed.inputs.segments;
  const ClipRange& range = mixed.range;
  const std::vector<double> ratios = SegmentRatios(mixed.branch, mixed.inputs);
  for (int64_t s = 0; s < segments.num_segments(); ++s) {
    for (int64_t t = segments.offsets[s]; t < segments.offsets[s + 1]; ++t) {
      const int64_t unit = range.is_per_token ? t : s;
      result.ratio_T.push_back(ratios[s]);
      result.low_T.push_back(1 - (range.low_units.empty() ? range.low : range.low_units[unit]));
      result.high_T.push_back(1 + (range.low_units.empty() ? range.high : range.high_units[unit]));
    }
  }
  return result;
}

void Count(const TokenRatios& ratios, size_t t, double advantage, BranchStatistics* statistics) {
  statistics->sum_ratio += ratios.ratio_T[t];
  statistics->min_ratio = std::min(statistics->min_ratio, ratios.ratio_T[t]);
  statistics->max_ratio = std::max(statistics->max_ratio, ratios.ratio_T[t]);
  statistics->num_clipped_low += advantage < 0 && ratios.ratio_T[t] < ratios.low_T[t] ? 1 : 0;
  statistics->num_clipped_high += advantage > 0 && ratios.ratio_T[t] > ratios.high_T[t] ? 1 : 0;
}

}  // namespace

template <typename Real>
MixedLoss AddMixedRatio(const MixedBranch<Real>& first, const MixedBranch<Real>& second, std::span<const double> mix_T,
                        std::span<const double> weights_T, std::span<Real> gradient_T) {
  MixedLoss result;
  const TokenRatios one = PerToken(first);
  const TokenRatios two = PerToken(second);
  std::vector<double> e_one_T(weights_T.size(), 0.0);
  std::vector<double> e_two_T(weights_T.size(), 0.0);
  for (size_t t = 0; t < weights_T.size(); ++t) {
    if (first.inputs.trained.mask_T[t] == 0) continue;
    const double advantage = first.inputs.advantages_T[t];
    const double w = mix_T[t];
    const double mixed = (w * one.ratio_T[t] + (1 - w) * two.ratio_T[t]) * advantage;
    const double clipped = (w * one.Clipped(t) + (1 - w) * two.Clipped(t)) * advantage;
    result.loss -= weights_T[t] * std::min(mixed, clipped);
    const double common_factor = -weights_T[t] * advantage;
    if (mixed < clipped || one.IsInRange(t)) e_one_T[t] = common_factor * w * one.ratio_T[t];
    if (mixed < clipped || two.IsInRange(t)) e_two_T[t] = common_factor * (1 - w) * two.ratio_T[t];
    Count(one, t, advantage, &result.first);
    Count(two, t, advantage, &result.second);
  }
  std::vector<double> added_T(weights_T.size(), 0.0);
  AddThroughRatios<Real>(first.branch, first.inputs, e_one_T, added_T);
  AddThroughRatios<Real>(second.branch, second.inputs, e_two_T, added_T);
  for (size_t t = 0; t < added_T.size(); ++t) gradient_T[t] += static_cast<Real>(added_T[t]);
  return result;
}

template MixedLoss AddMixedRatio(const MixedBranch<float>&, const MixedBranch<float>&, std::span<const double>,
                                 std::span<const double>, std::span<float>);
template MixedLoss AddMixedRatio(const MixedBranch<double>&, const MixedBranch<double>&, std::span<const double>,
                                 std::span<const double>, std::span<double>);

}  // namespace cohort::objective
