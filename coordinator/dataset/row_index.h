// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_ROW_INDEX_H_
#define COHORT_COORDINATOR_DATASET_ROW_INDEX_H_

#include <cstdint>
#include <optional>
#include <string>
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
  static constexpr int64_t kBlockRows = 64;

  // What there is to store.
  struct Parts {
    std::vector<int64_t> block_begins;  // of every 64th row
    std::vector<uint32_t> ends;         // of every row, from the begin of its block
  };

  RowIndex() = default;
  // Nullopt when the parts do not fit together. Their numbers are not looked at.
  static std::optional<RowIndex> FromParts(Parts parts);

  int64_t NumRows() const { return static_cast<int64_t>(parts_.ends.size()); }
  // The next row, which begins where the one before ended: `end` is the offset behind its newline, or where that would
  // be. At most kMaxRows rows of at most kMaxRowBytes each, newline not counted.
  void Add(int64_t end);
  // No more rows: gives back what was set aside for them.
  void Finish();
  // Begin and end of a row, without its newline.
  std::pair<int64_t, int64_t> Row(int64_t row) const;

  const Parts& parts() const { return parts_; }
  int64_t MemoryBytes() const;

 private:
  int64_t End(int64_t row) const;

  Parts parts_;
};

// All there is to know of the rows of a file without reading them.
struct IndexedRows {
  RowIndex index;
  std::string digest;  // RowReader::Digest
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_ROW_INDEX_H_
