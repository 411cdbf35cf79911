// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/packer.h"

namespace cohort::learner {

std::vector<SequenceRange> PackSequences(const std::vector<int64_t>& lengths_tokens, int64_t max_tokens) {
  std::vector<SequenceRange> microbatches;
  int64_t filled_tokens = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(lengths_tokens.size()); ++i) {
    if (microbatches.empty() || filled_tokens + lengths_tokens[i] > max_tokens) {
      microbatches.push_back({.begin = i, .end = i});
      filled_tokens = 0;
    }
    filled_tokens += lengths_tokens[i];
    microbatches.back().end = i + 1;
  }
  return microbatches;
}

}  // namespace cohort::learner
