// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_MEMORY_FILE_H_
#define COHORT_COMMON_SECURITY_MEMORY_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::security {

// A file of this process alone, in memory, that has a path: for a library that wants the path of a file which we want
// to check before it reads it. Replace swaps the content at once: whoever opens the path sees the old content or the
// next, never a mixture. The descriptor stays open until the process ends, also after the destructor: the library may
// read for longer than we live, and must not find another file under the number. Not thread-safe, but for readers.
class MemoryFile final {
 public:
  static absl::StatusOr<MemoryFile> Create(std::string_view content);

  std::string Path() const;
  absl::Status Replace(std::string_view content);

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_MEMORY_FILE_H_
