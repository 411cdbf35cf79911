// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_MERGE_SYMBOLS_H_
#define COHORT_MODEL_TOKENIZER_MERGE_SYMBOLS_H_

// Torch-free.
#include <cstdint>
#include <vector>

#include "model/tokenizer/merge_table.h"

namespace cohort::model {

// Merges neighbours in `*symbols` in the order of the table, of equal ones the leftmost first, until no pair merges.
// O(n log n): a short list is searched, a long one keeps its candidates in a heap. Returns the work done, counted in
// looked-up pairs and compared candidates, so that a test can hold its growth against the bound.
int64_t MergeSymbols(const MergeTable& merges, std::vector<int32_t>* symbols);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_MERGE_SYMBOLS_H_
