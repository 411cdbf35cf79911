// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_index.h"

namespace cohort::coordinator {

std::optional<RowIndex> RowIndex::FromParts(Parts parts) {
  if (parts.block_begins.size() != (parts.ends.size() + kBlockRows - 1) / kBlockRows) return std::nullopt;
  RowIndex index;
  index.parts_ = std::move(parts);
  return index;
}

void RowIndex::Add(int64_t end) {
  if (NumRows() % kBlockRows == 0) parts_.block_begins.push_back(NumRows() == 0 ? 0 : End(NumRows() - 1));
  parts_.ends.push_back(static_cast<uint32_t>(end - parts_.block_begins.back()));
}

void RowIndex::Finish() {
  parts_.block_begins.shrink_to_fit();
  parts_.ends.shrink_to_fit();
}

int64_t RowIndex::End(int64_t row) const { return parts_.block_begins[row / kBlockRows] + parts_.ends[row]; }

std::pair<int64_t, int64_t> RowIndex::Row(int64_t row) const {
  const int64_t begin = row % kBlockRows == 0 ? parts_.block_begins[row / kBlockRows] : End(row - 1);
  return {begin, End(row) - 1};
}

int64_t RowIndex::MemoryBytes() const {
  return static_cast<int64_t>(parts_.block_begins.capacity() * sizeof(int64_t) +
                              parts_.ends.capacity() * sizeof(uint32_t));
}

}  // namespace cohort::coordinator
