// SPDX-License-Identifier: Apache-2.0
#include "objective/unlikeliness.h"

#include <algorithm>
#include <cstddef>

namespace cohort::objective {

std::vector<int64_t> AscendingRanks(std::span<const double> values, std::span<const uint8_t> counted) {
  std::vector<size_t> order;
  for (size_t i = 0; i < values.size(); ++i) {
    if (counted[i]) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<int64_t> ranks(values.size(), 0);
  for (size_t rank = 0; rank < order.size(); ++rank) ranks[order[rank]] = static_cast<int64_t>(rank);
  return ranks;
}

void ApplyUnlikeliness(const cohort::v1::UnlikelinessSpec& spec, const GroupFacts& group,
                       std::vector<double>* rewards) {
  if (spec.coefficient() == 0) return;
  std::vector<double> logprobs;
  std::vector<uint8_t> ranked;
  double num_judged = 0;
  for (const SequenceFacts& sequence : group.sequences) {
    logprobs.push_back(sequence.mean_behavior_logprob);
    ranked.push_back(sequence.has_verdict && (!spec.among_correct() || sequence.reward > 0));
    num_judged += sequence.has_verdict ? 1 : 0;
  }
  const std::vector<int64_t> ranks = AscendingRanks(logprobs, ranked);
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (ranked[i]) (*rewards)[i] *= 1 - spec.coefficient() * static_cast<double>(ranks[i]) / num_judged;
  }
}

}  // namespace cohort::objective
