// SPDX-License-Identifier: Apache-2.0
#include "objective/loss_reduction.h"

#include <cstddef>
#include <cstdint>

namespace cohort::objective {
namespace {

using cohort::v1::ObjectiveSpec;

bool IsPerSegment(cohort::v1::LossReduction reduction) {
  return reduction == cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_SEGMENT_MEAN ||
         reduction == cohort::v1::LOSS_REDUCTION_ITEM_MEAN;
}

// 1 / omega of the tokens of sequence i, but for n_S.
double Divisor(const ObjectiveSpec& spec, const TrainedTokens& trained, size_t i, const UpdateStatistics& totals) {
  switch (spec.loss_reduction()) {
    case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN:
      return totals.num_sequences * trained.num_tokens_S[i];
    case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM:
      return totals.num_sequences;
    case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM_NORM:
      return totals.num_sequences * static_cast<double>(spec.normalization_tokens());
    case cohort::v1::LOSS_REDUCTION_GROUP_TOKEN_MEAN:
      return static_cast<double>(totals.num_groups) * totals.group_tokens_P[trained.sequences_S[i].group];
    case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_SEGMENT_MEAN:
      return totals.num_sequences;
    case cohort::v1::LOSS_REDUCTION_ITEM_MEAN:
      return totals.num_sequences * spec.advantage().item().num_items();
    case cohort::v1::LOSS_REDUCTION_TOKEN_SUM:
      return 1;
    default:
      return totals.num_tokens;
  }
}

double NumTrainedSegments(const Segments& segments, size_t i) {
  double num_segments = 0;
  for (int64_t s = segments.first_segment_S[i]; s < segments.first_segment_S[i + 1]; ++s) {
    num_segments += segments.num_tokens[s] > 0 ? 1 : 0;
  }
  return num_segments;
}

void WeighSegments(const ObjectiveSpec& spec, const Segments& segments, size_t i, double divisor,
                   std::vector<double>* weights_T) {
  const bool is_mean = spec.loss_reduction() == cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_SEGMENT_MEAN;
  const double per_segment = is_mean ? divisor * NumTrainedSegments(segments, i) : divisor;
  for (int64_t s = segments.first_segment_S[i]; s < segments.first_segment_S[i + 1]; ++s) {
    for (int64_t t = segments.offsets[s]; t < segments.offsets[s + 1]; ++t) {
      (*weights_T)[t] = 1 / (per_segment * segments.num_tokens[s]);
    }
  }
}

}  // namespace

std::vector<double> TokenWeights(const ObjectiveSpec& spec, const TrainedTokens& trained, const Segments& segments,
                                 const UpdateStatistics& totals) {
  std::vector<double> weights_T(trained.mask_T.size(), 0.0);
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    if (trained.num_tokens_S[i] == 0) continue;
    const double divisor = Divisor(spec, trained, i, totals);
    if (IsPerSegment(spec.loss_reduction())) {
      WeighSegments(spec, segments, i, divisor, &weights_T);
      continue;
    }
    for (int64_t t = trained.cu_seqlens[i]; t < trained.cu_seqlens[i + 1]; ++t) weights_T[t] = 1 / divisor;
  }
  for (size_t t = 0; t < weights_T.size(); ++t) {
    if (trained.mask_T[t] == 0) weights_T[t] = 0;
  }
  return weights_T;
}

}  // namespace cohort::objective
