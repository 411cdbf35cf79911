// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_ITEM_SEGMENTER_H_
#define COHORT_OBJECTIVE_ITEM_SEGMENTER_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

// Marks a token that is in no list item.
inline constexpr int32_t kNoItem = -1;

// Item index of every token of a completion that is a list (Rank-GRPO, arXiv 2510.20150), not limited to the rewarded
// positions; never descending but for kNoItem.
struct ItemIds {
  std::vector<int32_t> item_T;
  int32_t num_items = 0;  // what a list of this text has: last index + 1
};

// NEWLINES: the number of newlines in the texts before the token; the newline belongs to the item that it ends, EOS to
// the last. This is the reference code's map, which blank lines and a preamble shift.
// PARSED_LINES: the index among lines that name an item (a title and " (1995)" after numbering, bullets, markdown and
// quotes are taken off); other lines and EOS are in none. A token is in the line of its first byte that is not blank,
// or of its first byte. Pure.
ItemIds FindItems(cohort::v1::SegmenterSpec::ItemReading reading, std::span<const std::string> token_texts,
                  bool ends_with_eos);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_ITEM_SEGMENTER_H_
