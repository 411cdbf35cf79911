// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_SEGMENTS_H_
#define COHORT_OBJECTIVE_SEGMENTS_H_

#include <cstdint>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {

// A microbatch cut into segments of one level: contiguous, within a sequence, every token in exactly one. A plain
// value.
struct Segments {
  bool is_token_level = false;
  std::vector<int64_t> offsets;          // token offsets, one more than segments; ascending from 0 to T
  std::vector<int64_t> first_segment_S;  // S + 1: sequence i has the segments [first[i], first[i + 1])
  std::vector<double> num_tokens;        // n_S, trained

  int64_t num_segments() const { return static_cast<int64_t>(num_tokens.size()); }
};

// Pure.
Segments CutSegments(cohort::v1::SegmentLevel level, const TrainedTokens& trained);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_SEGMENTS_H_
