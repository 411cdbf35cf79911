// SPDX-License-Identifier: Apache-2.0
#include "objective/mismatch_correction.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace cohort::objective {
namespace {

using cohort::v1::MismatchSpec;

double Factor(const MismatchSpec& spec, double log_weight) {
  const double weight = std::exp(std::clamp(log_weight, -20.0, 20.0));
  if (spec.correction() == MismatchSpec::CORRECTION_TRUNCATE) return std::min(weight, spec.cap());
  return weight >= spec.low() && weight <= spec.cap() ? weight : 0;
}

}  // namespace

template <typename Real>
std::vector<double> MismatchFactors(const MismatchSpec& spec, const TrainedTokens& trained,
                                    std::span<const Real> proximal_T, std::span<const Real> behavior_T) {
  std::vector<double> factors_T(trained.mask_T.size(), 1.0);
  if (spec.correction() == MismatchSpec::CORRECTION_NONE || spec.correction() == MismatchSpec::CORRECTION_UNSPECIFIED) {
    return factors_T;
  }
  const auto log_weight = [&](int64_t t) {
    return static_cast<double>(proximal_T[t]) - static_cast<double>(behavior_T[t]);
  };
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    const int64_t begin = trained.cu_seqlens[i];
    const int64_t end = trained.cu_seqlens[i + 1];
    if (spec.level() == MismatchSpec::LEVEL_TOKEN) {
      for (int64_t t = begin; t < end; ++t) factors_T[t] = Factor(spec, log_weight(t));
      continue;
    }
    double sum = 0;
    for (int64_t t = begin; t < end; ++t) sum += trained.mask_T[t] ? log_weight(t) : 0;
    const bool is_mean = spec.level() == MismatchSpec::LEVEL_SEQUENCE_MEAN && trained.num_tokens_S[i] > 0;
    const double factor = Factor(spec, is_mean ? sum / trained.num_tokens_S[i] : sum);
    std::fill(factors_T.begin() + begin, factors_T.begin() + end, factor);
  }
  return factors_T;
}

FactorSum SumFactors(const MismatchSpec& spec, const TrainedTokens& trained, std::span<const double> factors_T) {
  FactorSum result;
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    for (int64_t t = trained.cu_seqlens[i]; t < trained.cu_seqlens[i + 1]; ++t) {
      if (trained.mask_T[t] == 0) continue;
      result.sum += factors_T[t];
      result.count += 1;
      if (spec.level() != MismatchSpec::LEVEL_TOKEN) break;  // one factor for the whole sequence
    }
  }
  return result;
}

template std::vector<double> MismatchFactors(const MismatchSpec&, const TrainedTokens&, std::span<const float>,
                                             std::span<const float>);
template std::vector<double> MismatchFactors(const MismatchSpec&, const TrainedTokens&, std::span<const double>,
                                             std::span<const double>);

}  // namespace cohort::objective
