// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TESTING_RANDOM_BATCH_H_
#define COHORT_OBJECTIVE_TESTING_RANDOM_BATCH_H_

// Ragged random updates with holes in the mask, for property tests.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "objective/testing/owned_batch.h"

namespace cohort::objective {

struct RandomBatchOptions {
  int num_groups = 3;
  int group_size = 4;
  int max_tokens = 40;
  bool has_holes = true;
  bool has_token_advantages = false;
};

namespace random_batch_internal {

inline std::vector<int64_t> RandomEnds(int num_tokens, std::mt19937* random) {
  std::vector<int64_t> ends;
  for (int t = 1; t < num_tokens; ++t) {
    if ((*random)() % 5 == 0) ends.push_back(t);
  }
  if (num_tokens > 0) ends.push_back(num_tokens);
  return ends;
}

}  // namespace random_batch_internal

// `num_groups` groups of sequences of 0 to max_tokens tokens. Every tenth group or so has no signal, a sequence may be
// all holes, log ratios reach past every clip range.
inline std::vector<OwnedSequence> RandomSequences(uint32_t seed, const RandomBatchOptions& options = {}) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<OwnedSequence> sequences;
  for (int g = 0; g < options.num_groups; ++g) {
    const bool has_signal = random() % 10 != 0;
    for (int i = 0; i < options.group_size; ++i) {
      OwnedSequence sequence;
      sequence.label = "group " + std::to_string(g) + " sibling " + std::to_string(i);
      sequence.group = g;
      sequence.advantage = has_signal ? normal(random) : 0;
      sequence.is_truncated = random() % 5 == 0;
      const int num_tokens = static_cast<int>(random() % (options.max_tokens + 1));
      const double scale = uniform(random) < 0.3 ? 0.01 : 0.3;
      const double hole_share = options.has_holes ? (random() % 8 == 0 ? 1.0 : 0.25) : 0.0;
      for (int t = 0; t < num_tokens; ++t) {
        sequence.proximal.push_back(-3 * uniform(random) - 0.01);
        sequence.policy.push_back(sequence.proximal.back() + scale * normal(random));
        sequence.behavior.push_back(sequence.proximal.back() + 0.3 * normal(random));
        sequence.reference.push_back(sequence.proximal.back() + 0.5 * normal(random));
        sequence.proximal_entropy.push_back(2.5 * uniform(random));
        sequence.policy_entropy.push_back(std::max(0.0, sequence.proximal_entropy.back() + 0.1 * normal(random)));
        sequence.mask.push_back(uniform(random) < hole_share ? 0 : 1);
        if (options.has_token_advantages) sequence.token_advantages.push_back(has_signal ? normal(random) : 0);
      }
      sequence.subsentence_ends = random_batch_internal::RandomEnds(num_tokens, &random);
      sequence.item_ends = random_batch_internal::RandomEnds(num_tokens, &random);
      sequences.push_back(sequence);
    }
  }
  return sequences;
}

// 0 where any sequence says so, per token of all sequences.
inline std::vector<uint8_t> MaskOf(const std::vector<OwnedSequence>& sequences) {
  std::vector<uint8_t> mask;
  for (const OwnedSequence& sequence : sequences) {
    for (size_t t = 0; t < sequence.policy.size(); ++t) mask.push_back(sequence.mask.empty() ? 1 : sequence.mask[t]);
  }
  return mask;
}

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TESTING_RANDOM_BATCH_H_
