// SPDX-License-Identifier: Apache-2.0
#include "objective/overlong_penalty.h"

namespace cohort::objective {

double OverlongPenalty(const cohort::v1::OverlongPenaltySpec& spec, int64_t num_tokens) {
  if (spec.max_tokens() == 0) return 0;
  const int64_t free_tokens = spec.max_tokens() - spec.buffer_tokens();
  if (num_tokens <= free_tokens) return 0;
  if (num_tokens > spec.max_tokens()) return -1;
  return static_cast<double>(free_tokens - num_tokens) / static_cast<double>(spec.buffer_tokens());
}

}  // namespace cohort::objective
