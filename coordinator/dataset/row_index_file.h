// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_ROW_INDEX_FILE_H_
#define COHORT_COORDINATOR_DATASET_ROW_INDEX_FILE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/file_system.h"
#include "coordinator/dataset/row_index.h"

namespace cohort::coordinator {

// What an index is of. Plain record.
struct RowIndexKey {
  std::string path;      // absolute
  int64_t max_rows = 0;  // 0: all
  common::FileVersion version;
};

// A stored index, in the byte order of the machine:
//
//   magic with the version of the format, key (path with its length), number of rows   8-byte integers
//   digest of the rows                                                                 32 bytes
//   RowIndex::Parts                                                                    8 bytes each, then 4 bytes each
//   SHA-256 of all of that                                                             32 bytes
//
// The size of the file follows from the number of rows.
absl::Status WriteRowIndex(const RowIndexKey& key, const IndexedRows& rows, common::File* file);

// Nullopt unless the file is whole and of this key: a torn, damaged or stale one is worth nothing.
std::optional<IndexedRows> ReadRowIndex(const RowIndexKey& key, const common::File& file);

// Of the file that WriteRowIndex makes.
int64_t RowIndexFileBytes(const RowIndexKey& key, const IndexedRows& rows);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_ROW_INDEX_FILE_H_
