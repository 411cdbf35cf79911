// SPDX-License-Identifier: Apache-2.0
#include "common/security/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cohort::security {
namespace {

constexpr int64_t kMaxBytes = 1 << 20;
constexpr mode_t kOthers = S_IROTH | S_IWOTH;

int64_t Nanoseconds(const timespec& time) { return time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec; }

FileStamp StampFrom(const struct stat& description) {
  return {.device = description.st_dev,
          .inode = description.st_ino,
          .size = description.st_size,
          .modified_nanoseconds = Nanoseconds(description.st_mtim),
          .changed_nanoseconds = Nanoseconds(description.st_ctim)};
}

absl::Status SystemError(const char* what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

}  // namespace

absl::StatusOr<FileStamp> StampOf(std::string_view path_view) {
  const std::string path(path_view);
  struct stat description;
  if (stat(path.c_str(), &description) != 0) return SystemError("cannot open", path);
  return StampFrom(description);
}

absl::StatusOr<SecretFile> ReadSecretFile(std::string_view path_view) {
  const std::string path(path_view);
  // Not blocking: a pipe in the place of a file must not stop the process.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return SystemError("cannot open", path);
  const absl::Cleanup close_file = [fd] { close(fd); };
  struct stat description;
  if (fstat(fd, &description) != 0) return SystemError("cannot read", path);
  if (!S_ISREG(description.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, ": is not a file"));
  if ((description.st_mode & kOthers) != 0) {
    return absl::PermissionDeniedError(
        absl::StrFormat("%s: holds a secret and others may read or write it (mode %03o): chmod o-rw", path,
                        static_cast<unsigned>(description.st_mode & 0777)));
  }
  if (description.st_size > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is too large (", description.st_size, " bytes)"));
  }
  SecretFile file{.content = std::string(static_cast<size_t>(description.st_size), '\0'),
                  .stamp = StampFrom(description)};
  size_t num_read = 0;
  while (num_read < file.content.size()) {
    const ssize_t size = read(fd, file.content.data() + num_read, file.content.size() - num_read);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SystemError("cannot read", path);
    if (size == 0) break;
    num_read += static_cast<size_t>(size);
  }
  file.content.resize(num_read);
  return file;
}

}  // namespace cohort::security
