// SPDX-License-Identifier: Apache-2.0
#include "model/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model {
namespace {

// Linux moves no more than 2 GiB in one call.
constexpr int64_t kMaxReadBytes = int64_t{1} << 30;

}  // namespace

absl::StatusOr<RegularFile> RegularFile::Open(const std::string& path) {
  RegularFile file(path, open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be opened"));
  struct stat status;
  if (fstat(file.fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  }
  file.size_bytes_ = status.st_size;
  return file;
}

RegularFile::RegularFile(RegularFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_bytes_(other.size_bytes_) {}

RegularFile::~RegularFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status RegularFile::ReadAt(int64_t offset, int64_t count, char* bytes) const {
  return ReadFileAt(fd_, path_, offset, count, bytes);
}

absl::Status ReadFileAt(int fd, const std::string& path, int64_t offset, int64_t count, char* bytes) {
  while (count > 0) {
    const ssize_t size = pread(fd, bytes, static_cast<size_t>(std::min(count, kMaxReadBytes)), offset);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be read"));
    if (size == 0)
      return absl::DataLossError(absl::StrCat(path, ": the file is truncated (ends at byte ", offset, ")"));
    bytes += size;
    offset += size;
    count -= size;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadRegularFile(const std::string& path, int64_t max_bytes) {
  COHORT_ASSIGN_OR_RETURN(const RegularFile file, RegularFile::Open(path));
  if (file.size_bytes() > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": must have at most ", max_bytes, " bytes (", file.size_bytes(), ")"));
  }
  std::string content(static_cast<size_t>(file.size_bytes()), '\0');
  COHORT_RETURN_IF_ERROR(file.ReadAt(0, file.size_bytes(), content.data()));
  return content;
}

}  // namespace cohort::model
