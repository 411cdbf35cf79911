// SPDX-License-Identifier: Apache-2.0
#include "objective/segments.h"

#include <cstddef>
#include <span>

namespace cohort::objective {
namespace {

// Ends of the sequence's segments, relative to it. `scratch` holds those that are not given.
std::span<const int64_t> EndsOf(cohort::v1::SegmentLevel level, const BatchSequence& sequence, int64_t num_tokens,
                                std::vector<int64_t>* scratch) {
  scratch->clear();
  switch (level) {
    case cohort::v1::SEGMENT_LEVEL_SUBSENTENCE:
      return sequence.subsentence_ends;
    case cohort::v1::SEGMENT_LEVEL_ITEM:
      return sequence.item_ends;
    case cohort::v1::SEGMENT_LEVEL_RESPONSE:
      if (num_tokens > 0) scratch->push_back(num_tokens);
      return *scratch;
    default:
      for (int64_t t = 1; t <= num_tokens; ++t) scratch->push_back(t);
      return *scratch;
  }
}

}  // namespace

Segments CutSegments(cohort::v1::SegmentLevel level, const TrainedTokens& trained) {
  Segments segments;
  segments.is_token_level = level == cohort::v1::SEGMENT_LEVEL_TOKEN;
  segments.offsets.push_back(0);
  segments.first_segment_S.push_back(0);
  std::vector<int64_t> scratch;
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    const int64_t begin = trained.cu_seqlens[i];
    for (const int64_t end : EndsOf(level, trained.sequences_S[i], trained.cu_seqlens[i + 1] - begin, &scratch)) {
      double num_tokens = 0;
      for (int64_t t = segments.offsets.back(); t < begin + end; ++t) num_tokens += trained.mask_T[t];
      segments.offsets.push_back(begin + end);
      segments.num_tokens.push_back(num_tokens);
    }
    segments.first_segment_S.push_back(segments.num_segments());
  }
  return segments;
}

}  // namespace cohort::objective
