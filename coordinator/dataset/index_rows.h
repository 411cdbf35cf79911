// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_INDEX_ROWS_H_
#define COHORT_COORDINATOR_DATASET_INDEX_ROWS_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/file_system.h"
#include "coordinator/dataset/row_index.h"

namespace cohort::coordinator {

struct IndexRowsOptions {
  int64_t max_rows = 0;                           // 0: all
  bool wants_digest = true;                       // else the digest is left empty
  const std::atomic<bool>* is_stopped = nullptr;  // once true, it ends with CANCELLED
};

// Reads a file of one row per line once, for where its rows are and the SHA-256 of them; the last line may lack its
// newline. FAILED_PRECONDITION when there is no row; INVALID_ARGUMENT when a row is above 16 MiB or there are more than
// 2^32 - 1; DATA_LOSS when the file becomes shorter meanwhile. `path` is for messages.
absl::StatusOr<IndexedRows> IndexRows(const common::File& file, const std::string& path,
                                      const IndexRowsOptions& options);

// For messages: "problems.jsonl row 12 (line 13)".
std::string DescribeRow(const std::string& path, int64_t row);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_INDEX_ROWS_H_
