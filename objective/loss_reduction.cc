// SPDX-License-Identifier: Apache-2.0
#include "objective/loss_reduction.h"

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace cohort::objective {
namespace {

double WeightOfSequence(cohort::v1::LossReduction reduction, int64_t num_tokens, const Denominators& totals) {
  const double num_sequences = static_cast<double>(totals.num_sequences);
  switch (reduction) {
    case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN:
      return 1.0 / (num_sequences * static_cast<double>(num_tokens));
    case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM:
      return 1.0 / num_sequences;
    default:
      return 1.0 / static_cast<double>(totals.num_tokens);
  }
}

}  // namespace

absl::StatusOr<std::vector<double>> TokenWeights(cohort::v1::LossReduction reduction,
                                                 const std::vector<int64_t>& cu_seqlens, const Denominators& totals) {
  const int64_t num_sequences = static_cast<int64_t>(cu_seqlens.size()) - 1;
  if (num_sequences > totals.num_sequences || cu_seqlens.back() > totals.num_tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("loss denominators: smaller than the microbatch (", totals.num_tokens, " tokens of ",
                     totals.num_sequences, " sequences against ", cu_seqlens.back(), " of ", num_sequences, ")"));
  }
  std::vector<double> weights;
  weights.reserve(cu_seqlens.back());
  for (int64_t i = 0; i < num_sequences; ++i) {
    const int64_t num_tokens = cu_seqlens[i + 1] - cu_seqlens[i];
    if (num_tokens == 0) continue;
    weights.insert(weights.end(), num_tokens, WeightOfSequence(reduction, num_tokens, totals));
  }
  return weights;
}

}  // namespace cohort::objective
