// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TOKEN_BATCH_H_
#define COHORT_OBJECTIVE_TOKEN_BATCH_H_

// Shapes: T completion tokens of a microbatch, in order of sequence; S sequences.
#include <cstdint>
#include <span>
#include <string_view>

namespace cohort::objective {

// One sequence of a microbatch. Everything belongs to the caller.
struct BatchSequence {
  std::string_view label;  // for messages: "group 12 sibling 3"
  int64_t group = 0;       // index of its group in the update, from 0 over all ranks
  double advantage = 0;
  bool is_truncated = false;
  // From sequence_layout.h, each as long as the sequence has tokens, or empty: `advantage` for all, every token
  // trained.
  std::span<const double> token_advantages;
  std::span<const uint8_t> mask;
  // From sequence_layout.h: ends of the segments, ascending, the last one the number of tokens. Only for levels that
  // the objective uses.
  std::span<const int64_t> subsentence_ends;
  std::span<const int64_t> item_ends;
};

// The completion tokens of one microbatch; prompts are not here. Real is float or double. A tensor that the objective
// does not need may be empty; x, o, b and f are log-probs under the same temperature. Everything belongs to the caller.
template <typename Real>
struct TokenBatch {
  std::span<const int64_t> cu_seqlens;  // S + 1 token offsets
  std::span<const BatchSequence> sequences_S;
  std::span<const Real> policy_logprobs_T;     // x
  std::span<const Real> policy_entropies_T;    // H(x)
  std::span<const Real> proximal_logprobs_T;   // o
  std::span<const Real> proximal_entropies_T;  // H(o)
  std::span<const Real> behavior_logprobs_T;   // b
  std::span<const Real> reference_logprobs_T;  // f
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TOKEN_BATCH_H_
