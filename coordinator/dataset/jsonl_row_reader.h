// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_JSONL_ROW_READER_H_
#define COHORT_COORDINATOR_DATASET_JSONL_ROW_READER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/file_system.h"
#include "coordinator/dataset/row_index_store.h"
#include "coordinator/dataset/row_reader.h"

namespace cohort::coordinator {

struct JsonlOptions {
  int64_t max_rows = 0;  // 0: all
  // RowReader::Digest of a file whose content is known by its name; empty: computed from the rows.
  std::string digest;
  // Must outlive the call.
  common::FileSystem* files = common::RealFileSystem();
  RowIndexStore* indices = nullptr;               // null: the file is read
  const std::atomic<bool>* is_stopped = nullptr;  // IndexRowsOptions::is_stopped
};

// One row per line. Notes where lines begin (RowIndex: 4 bytes of memory per row), which a file that has not changed
// since it was last opened need not be read for; rows are read on demand from the page cache. A file that is cut short
// is an error then, which a mapping could not tell from a fault of the program, and so is one whose lines have moved.
// Errors of IndexRows; NOT_FOUND.
absl::StatusOr<std::unique_ptr<RowReader>> OpenJsonlRowReader(const std::string& path, const JsonlOptions& options);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_JSONL_ROW_READER_H_
