// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_JSONL_ROW_READER_H_
#define COHORT_COORDINATOR_DATASET_JSONL_ROW_READER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/dataset/row_reader.h"

namespace cohort::coordinator {

// One row per line. Reads the file once to note where lines begin (8 bytes of memory per row), then rows on demand. The
// last line may lack its newline. At most `max_rows` rows; 0 is all. FAILED_PRECONDITION when the file has no row.
absl::StatusOr<std::unique_ptr<RowReader>> OpenJsonlRowReader(const std::string& path, int64_t max_rows);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_JSONL_ROW_READER_H_
