// SPDX-License-Identifier: Apache-2.0
#include "cli/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace cohort::cli {

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& folder) {
  const std::string path = folder + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0)
    return absl::InvalidArgumentError(absl::StrCat("cannot be written: ", std::strerror(errno), " (", path, ")"));
  std::unique_ptr<FolderLock> lock(new FolderLock(fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        absl::StrCat("is in use by another process; end the cohortctl local that runs there, or name another folder (",
                     folder, ")"));
  }
  return lock;
}

FolderLock::~FolderLock() { close(fd_); }

}  // namespace cohort::cli
