// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_ROW_INDEX_H_
#define COHORT_COORDINATOR_DATASET_ROW_INDEX_H_

#include <cstdint>
#include <utility>
#include <vector>

namespace cohort::coordinator {

// Where the rows of a file begin and end: 4 bytes a row, and 8 more for every 64 rows. Not thread-safe while rows are
// added.
class RowIndex final {
 public:
  static constexpr int64_t kMaxRows = (int64_t{1} << 32) - 1;
  // So that 64 rows are less than 4 GiB.
  static constexpr int64_t kMaxRowBytes = 16 << 20;

  int64_t NumRows() const { return static_cast<int64_t>(ends_.size()); }
  // The next row, which begins where the one before ended: `end` is the offset behind its newline, or where that would
  // be. At most kMaxRows rows of at most kMaxRowBytes each, newline not counted.
  void Add(int64_t end);
  // Begin and end of a row, without its newline.
  std::pair<int64_t, int64_t> Row(int64_t row) const;

 private:
  static constexpr int64_t kBlockRows = 64;

  int64_t End(int64_t row) const;

  int64_t last_end_ = 0;
  std::vector<int64_t> block_begins_;
  std::vector<uint32_t> ends_;  // from the begin of the block
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_ROW_INDEX_H_
