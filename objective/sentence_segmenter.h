// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_SENTENCE_SEGMENTER_H_
#define COHORT_OBJECTIVE_SENTENCE_SEGMENTER_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

// Ends of a completion's sentences or sub-sentences (SSPO, arXiv 2511.04256, whose text leaves the rules open):
//
//   1. A token ends a segment if, without trailing blanks and closing quotes or brackets, its text ends with a
//      delimiter, or if its text contains a newline.
//   2. The delimiter belongs to the segment that it ends; tokens of nothing but blanks that follow join it.
//   3. With `decimal_guard`, one of . , : between two digits is no delimiter, also across tokens.
//   4. EOS is a segment of its own, or with `attach_eos` joins the last one.
//   5. Segments of fewer than `min_tokens` tokens join the next one, the last joins the one before.
//
// A character that is split over tokens belongs to the token with its last byte. The last end is the number of tokens;
// no tokens have no segments. Pure.
std::vector<int64_t> SentenceEnds(const cohort::v1::SegmenterSpec& spec, std::span<const std::string> token_texts,
                                  bool ends_with_eos);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_SENTENCE_SEGMENTER_H_
