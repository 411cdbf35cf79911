// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_JSONL_ROW_READER_H_
#define COHORT_COORDINATOR_DATASET_JSONL_ROW_READER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/dataset/row_reader.h"

namespace cohort::coordinator {

struct JsonlOptions {
  int64_t max_rows = 0;  // 0: all
  // RowReader::Digest of a file whose content is known by its name; empty: computed from the rows.
  std::string digest;
};

// One row per line. Reads the file once to note where lines begin (RowIndex: 4 bytes of memory per row), then rows on
// demand from the page cache; a file that is cut short is an error then, which a mapping could not tell from a fault of
// the program. The last line may lack its newline. FAILED_PRECONDITION when the file has no row; INVALID_ARGUMENT when
// it has a row above 16 MiB or more than 2^32 - 1 rows.
absl::StatusOr<std::unique_ptr<RowReader>> OpenJsonlRowReader(const std::string& path, const JsonlOptions& options);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_JSONL_ROW_READER_H_
