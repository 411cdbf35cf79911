// SPDX-License-Identifier: Apache-2.0
#include "common/security/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::security {
namespace {

// A descriptor that the caller owns.
absl::StatusOr<int> MakeDescriptor(std::string_view content) {
  const int fd = memfd_create("cohort", MFD_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot make a file in memory");
  while (!content.empty()) {
    const ssize_t size = write(fd, content.data(), content.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const absl::Status status = absl::ErrnoToStatus(errno, "cannot write a file in memory");
      close(fd);
      return status;
    }
    content.remove_prefix(static_cast<size_t>(size));
  }
  return fd;
}

}  // namespace

absl::StatusOr<MemoryFile> MemoryFile::Create(std::string_view content) {
  COHORT_ASSIGN_OR_RETURN(const int fd, MakeDescriptor(content));
  return MemoryFile(fd);
}

std::string MemoryFile::Path() const { return absl::StrCat("/proc/self/fd/", fd_); }

absl::Status MemoryFile::Replace(std::string_view content) {
  COHORT_ASSIGN_OR_RETURN(const int fd, MakeDescriptor(content));
  const absl::Cleanup close_other = [fd] { close(fd); };
  if (dup3(fd, fd_, O_CLOEXEC) < 0) return absl::ErrnoToStatus(errno, "cannot replace a file in memory");
  return absl::OkStatus();
}

}  // namespace cohort::security
