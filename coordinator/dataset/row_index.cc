// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_index.h"

namespace cohort::coordinator {

void RowIndex::Add(int64_t end) {
  if (NumRows() % kBlockRows == 0) block_begins_.push_back(last_end_);
  ends_.push_back(static_cast<uint32_t>(end - block_begins_.back()));
  last_end_ = end;
}

int64_t RowIndex::End(int64_t row) const { return block_begins_[row / kBlockRows] + ends_[row]; }

std::pair<int64_t, int64_t> RowIndex::Row(int64_t row) const {
  const int64_t begin = row % kBlockRows == 0 ? block_begins_[row / kBlockRows] : End(row - 1);
  return {begin, End(row) - 1};
}

}  // namespace cohort::coordinator
