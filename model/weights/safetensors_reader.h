// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_SAFETENSORS_READER_H_
#define COHORT_MODEL_WEIGHTS_SAFETENSORS_READER_H_

// Torch-free.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/weights/safetensors_header.h"

namespace cohort::model {

// A safetensors file mapped into memory, its header validated against the file's size before anything is handed out.
// Immutable, thread-safe. The file must not shrink while it is open.
class SafetensorsReader final {
 public:
  // NOT_FOUND, INVALID_ARGUMENT or DATA_LOSS with the path, and the tensor where one is to blame.
  static absl::StatusOr<std::unique_ptr<SafetensorsReader>> Open(std::string_view path);
  ~SafetensorsReader();
  SafetensorsReader(const SafetensorsReader&) = delete;
  SafetensorsReader& operator=(const SafetensorsReader&) = delete;

  const std::string& path() const { return path_; }
  // In file order.
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  // Valid as long as the reader; not aligned.
  std::string_view Bytes(const SafetensorsEntry& entry) const;

 private:
  SafetensorsReader(std::string path, const char* mapping, size_t file_bytes)
      : path_(std::move(path)), mapping_(mapping), file_bytes_(file_bytes) {}

  std::string path_;
  const char* mapping_;
  size_t file_bytes_;
  size_t data_start_ = 0;
  std::vector<SafetensorsEntry> entries_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_SAFETENSORS_READER_H_
