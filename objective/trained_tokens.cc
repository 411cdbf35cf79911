// SPDX-License-Identifier: Apache-2.0
#include "objective/trained_tokens.h"

#include <cstddef>

namespace cohort::objective {

TrainedTokens FindTrainedTokens(std::span<const int64_t> cu_seqlens, std::span<const BatchSequence> sequences_S,
                                bool drop_truncated) {
  TrainedTokens trained;
  trained.cu_seqlens = cu_seqlens;
  trained.sequences_S = sequences_S;
  trained.mask_T.assign(static_cast<size_t>(cu_seqlens.back()), 0);
  for (size_t i = 0; i < sequences_S.size(); ++i) {
    const BatchSequence& sequence = sequences_S[i];
    double num_tokens = 0;
    for (int64_t t = cu_seqlens[i]; t < cu_seqlens[i + 1]; ++t) {
      if (drop_truncated && sequence.is_truncated) break;
      if (!sequence.mask.empty() && sequence.mask[t - cu_seqlens[i]] == 0) continue;
      trained.mask_T[t] = 1;
      ++num_tokens;
    }
    trained.num_tokens_S.push_back(num_tokens);
  }
  return trained;
}

std::vector<double> TokenAdvantages(const TrainedTokens& trained) {
  std::vector<double> advantages_T;
  advantages_T.reserve(trained.mask_T.size());
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    const BatchSequence& sequence = trained.sequences_S[i];
    if (sequence.token_advantages.empty()) {
      advantages_T.insert(advantages_T.end(), trained.cu_seqlens[i + 1] - trained.cu_seqlens[i], sequence.advantage);
    } else {
      advantages_T.insert(advantages_T.end(), sequence.token_advantages.begin(), sequence.token_advantages.end());
    }
  }
  return advantages_T;
}

}  // namespace cohort::objective
