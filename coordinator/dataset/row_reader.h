// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_ROW_READER_H_
#define COHORT_COORDINATOR_DATASET_ROW_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/status_macros.h"

namespace cohort::coordinator {

// Rows of one dataset by number, as JSON text: the extension point for further file formats. Rows stay on disk.
// Thread-safe.
class RowReader {
 public:
  virtual ~RowReader() = default;
  virtual int64_t NumRows() const = 0;
  // The text of a row, which need not be valid yet, into `text`, whose memory serves again. OUT_OF_RANGE, or the error
  // of the disk: the text says nothing then.
  virtual absl::Status ReadInto(int64_t row, std::string* text) const = 0;
  absl::StatusOr<std::string> Read(int64_t row) const {
    std::string text;
    COHORT_RETURN_IF_ERROR(ReadInto(row, &text));
    return text;
  }
  // SHA-256 of what the rows are; 32 bytes.
  virtual std::string Digest() const = 0;
  // For messages: "problems.jsonl row 12 (line 13)".
  virtual std::string Describe(int64_t row) const = 0;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_ROW_READER_H_
