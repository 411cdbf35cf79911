// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_SHARED_WEIGHTS_H_
#define COHORT_MODEL_WEIGHT_SYNC_SHARED_WEIGHTS_H_

// Torch-free.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::model {

// One version's byte stream in a shared-memory file that this process owns. The file is locked (flock) while its owner
// lives, so that others can tell it from one that a killed process left. Nothing is mapped: a file that somebody
// truncates is an error and not a signal. Immutable once written, thread-safe; the destructor removes the file, readers
// that have it open keep it.
class SharedWeights final {
 public:
  // Takes pieces of the stream in order; they are copied.
  using Append = std::function<absl::Status(std::string_view bytes)>;

  // A file in `directory` whose name begins with `stem` and is free. `write` hands over exactly `total_bytes`.
  // RESOURCE_EXHAUSTED when there is no room; then nothing is left.
  static absl::StatusOr<std::unique_ptr<SharedWeights>> Create(const std::string& directory, const std::string& stem,
                                                               int64_t total_bytes,
                                                               const std::function<absl::Status(const Append&)>& write);
  ~SharedWeights();
  SharedWeights(const SharedWeights&) = delete;
  SharedWeights& operator=(const SharedWeights&) = delete;

  const std::string& path() const { return path_; }
  int64_t size_bytes() const { return size_bytes_; }
  // `count` bytes from byte `first` on. DATA_LOSS when the file has been truncated.
  absl::Status Read(int64_t first, int64_t count, char* bytes) const;

  // Removes files of killed processes from `directory`, those whose name begins with `prefix`.
  static void RemoveAbandoned(const std::string& directory, const std::string& prefix);

 private:
  SharedWeights(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
  int64_t size_bytes_ = 0;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_SHARED_WEIGHTS_H_
