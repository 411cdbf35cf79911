// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_SAFETENSORS_READER_H_
#define COHORT_MODEL_WEIGHTS_SAFETENSORS_READER_H_

// Torch-free.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/regular_file.h"
#include "model/weights/safetensors_header.h"

namespace cohort::model {

// An open safetensors file, its header validated against the file's size before anything is handed out. Bytes are read
// when they are asked for, so a file that shrinks meanwhile is an error. Immutable, thread-safe.
class SafetensorsReader final {
 public:
  // NOT_FOUND, INVALID_ARGUMENT or DATA_LOSS with the path, and the tensor where one is to blame.
  static absl::StatusOr<std::unique_ptr<SafetensorsReader>> Open(std::string_view path);

  const std::string& path() const { return file_.path(); }
  // Of the file when it was opened, header included.
  int64_t size_bytes() const { return file_.size_bytes(); }
  // In file order.
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  // `count` bytes of the tensor from its byte `first` on; the range must lie within it. DATA_LOSS when the file has
  // been truncated.
  absl::Status Read(const SafetensorsEntry& entry, int64_t first, int64_t count, char* bytes) const;
  // All its bytes.
  absl::StatusOr<std::string> ReadAll(const SafetensorsEntry& entry) const;

 private:
  explicit SafetensorsReader(RegularFile file) : file_(std::move(file)) {}

  RegularFile file_;
  int64_t data_start_ = 0;
  std::vector<SafetensorsEntry> entries_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_SAFETENSORS_READER_H_
