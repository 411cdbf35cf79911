// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/packer.h"

namespace cohort::learner {

std::vector<SequenceRange> PackSequences(const std::vector<SequenceLength>& lengths, int64_t max_tokens) {
  std::vector<SequenceRange> microbatches;
  int64_t filled_tokens = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(lengths.size()); ++i) {
    const int64_t added_tokens = lengths[i].tokens - lengths[i].shared_tokens;
    if (microbatches.empty() || filled_tokens + added_tokens > max_tokens) {
      microbatches.push_back({.begin = i, .end = i});
      filled_tokens = lengths[i].tokens;
    } else {
      filled_tokens += added_tokens;
    }
    microbatches.back().end = i + 1;
  }
  return microbatches;
}

}  // namespace cohort::learner
