// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_FOLDER_LOCK_H_
#define COHORT_CLI_FOLDER_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace cohort::cli {

// A folder that one process works in. Held until destroyed or the process ends, however it ends; the file "lock" stays.
class FolderLock final {
 public:
  // FAILED_PRECONDITION: another holds it. A file system without locks gives a lock that excludes nobody.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}

  const int fd_;
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_FOLDER_LOCK_H_
