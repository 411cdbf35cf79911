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

// Cuts a list of sequences into microbatches of at most `max_tokens` tokens without changing the order, so that the cut
// is a pure function of the lengths. A sequence longer than that gets a microbatch of its own. Lengths are at least 1.
std::vector<SequenceRange> PackSequences(const std::vector<int64_t>& lengths_tokens, int64_t max_tokens);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_BATCH_PACKER_H_
