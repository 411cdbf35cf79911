// SPDX-License-Identifier: Apache-2.0
#include "objective/token_selection.h"

#include <algorithm>
#include <cstddef>

namespace cohort::objective {
namespace {

template <typename Real>
bool IsOffPolicy(double threshold, const TrainedTokens& trained, const TokenBatch<Real>& batch,
                 std::span<const double> advantages_T, size_t i) {
  double sum_advantage = 0;
  double sum_difference = 0;
  for (int64_t t = trained.cu_seqlens[i]; t < trained.cu_seqlens[i + 1]; ++t) {
    if (trained.mask_T[t] == 0) continue;
    sum_advantage += advantages_T[t];
    sum_difference +=
        static_cast<double>(batch.behavior_logprobs_T[t]) - static_cast<double>(batch.policy_logprobs_T[t]);
  }
  return sum_advantage < 0 && sum_difference > threshold * trained.num_tokens_S[i];
}

}  // namespace

template <typename Real>
std::vector<uint8_t> SelectTokens(const cohort::v1::SelectionSpec& spec, const TrainedTokens& trained,
                                  const TokenBatch<Real>& batch, std::span<const double> advantages_T,
                                  double entropy_threshold) {
  std::vector<uint8_t> selected_T(trained.mask_T.size(), 1);
  if (spec.has_top_entropy_share() && spec.top_entropy_share() < 1) {
    for (size_t t = 0; t < selected_T.size(); ++t) selected_T[t] = batch.proximal_entropies_T[t] >= entropy_threshold;
  }
  if (!spec.has_off_policy_threshold()) return selected_T;
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    if (!IsOffPolicy(spec.off_policy_threshold(), trained, batch, advantages_T, i)) continue;
    std::fill(selected_T.begin() + trained.cu_seqlens[i], selected_T.begin() + trained.cu_seqlens[i + 1], 0);
  }
  return selected_T;
}

template std::vector<uint8_t> SelectTokens(const cohort::v1::SelectionSpec&, const TrainedTokens&,
                                           const TokenBatch<float>&, std::span<const double>, double);
template std::vector<uint8_t> SelectTokens(const cohort::v1::SelectionSpec&, const TrainedTokens&,
                                           const TokenBatch<double>&, std::span<const double>, double);

}  // namespace cohort::objective
