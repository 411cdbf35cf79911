// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_BATCH_PACKER_H_
#define COHORT_LEARNER_BATCH_PACKER_H_

// Torch-free.
#include <cstdint>
#include <vector>

namespace cohort::learner {

// Sequences [begin, end) of a list.
struct SequenceRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// One sequence of a list.
struct SequenceLength {
  int64_t tokens = 1;         // at least 1
  int64_t shared_tokens = 0;  // how many of its first it has in common with the sequence before it, if both are packed
                              // together: fewer than `tokens`
};

// Cuts a list of sequences into microbatches of at most `max_tokens` tokens, shared ones counted once, without changing
// the order, so that the cut is a pure function of the lengths. A sequence too long for that gets a microbatch of its
// own.
std::vector<SequenceRange> PackSequences(const std::vector<SequenceLength>& lengths, int64_t max_tokens);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_BATCH_PACKER_H_
