// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_REGULAR_FILE_H_
#define COHORT_MODEL_REGULAR_FILE_H_

// Torch-free.
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::model {

// Longest config, tokenizer or index file that is read. The largest tokenizer.json in use has about 35 MB.
inline constexpr int64_t kMaxTextFileBytes = int64_t{64} << 20;

// A file open for reading at offsets. Nothing is mapped: a file that shrinks, or a disk that fails, is an error and not
// a signal. Opening never blocks. Thread-safe.
class RegularFile final {
 public:
  // NOT_FOUND and other errors of the system with the path; INVALID_ARGUMENT for a folder, a pipe or a device.
  static absl::StatusOr<RegularFile> Open(const std::string& path);
  RegularFile(RegularFile&& other) noexcept;
  RegularFile& operator=(RegularFile&&) = delete;
  ~RegularFile();

  const std::string& path() const { return path_; }
  // When it was opened.
  int64_t size_bytes() const { return size_bytes_; }
  // DATA_LOSS when the file ends before `offset` + `count`.
  absl::Status ReadAt(int64_t offset, int64_t count, char* bytes) const;

 private:
  RegularFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
  int64_t size_bytes_ = 0;
};

// `count` bytes at `offset` of an open file; errors name `path`. DATA_LOSS when the file ends early.
absl::Status ReadFileAt(int fd, const std::string& path, int64_t offset, int64_t count, char* bytes);

// A whole regular file. INVALID_ARGUMENT names one of more than `max_bytes`.
absl::StatusOr<std::string> ReadRegularFile(const std::string& path, int64_t max_bytes = kMaxTextFileBytes);

}  // namespace cohort::model

#endif  // COHORT_MODEL_REGULAR_FILE_H_
