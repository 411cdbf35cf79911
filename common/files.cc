// SPDX-License-Identifier: Apache-2.0
#include "common/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::common {
namespace {

absl::Status SystemError(int error, std::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat(std::string(what), " ", path));
}

// Owns a descriptor for one scope.
class Descriptor final {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  // The close that can report a late write error (NFS, quota).
  int Close() {
    const int result = close(fd_);
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

absl::Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t size = write(fd, content.data(), content.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SystemError(errno, "cannot write", path);
    content.remove_prefix(size);
  }
  return absl::OkStatus();
}

// A new file beside the target. A left-over of a killed process is stepped over, never shared.
int CreateBeside(const std::string& path, std::string* temporary) {
  static std::atomic<uint64_t> counter{0};
  int fd = -1;
  do {
    *temporary = absl::StrCat(path, ".tmp-", getpid(), "-", counter.fetch_add(1));
    fd = open(temporary->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd < 0 && (errno == EEXIST || errno == EINTR));
  return fd;
}

absl::Status WriteAndSync(Descriptor* file, std::string_view content, const std::string& path) {
  COHORT_RETURN_IF_ERROR(WriteAll(file->get(), content, path));
  if (fsync(file->get()) != 0) return SystemError(errno, "cannot sync", path);
  if (file->Close() != 0) return SystemError(errno, "cannot close", path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(std::string_view path_view) {
  const std::string path(path_view);
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return SystemError(errno, "cannot open", path);
  std::string content;
  struct stat description;
  if (fstat(file.get(), &description) == 0 && S_ISREG(description.st_mode)) content.reserve(description.st_size);
  char buffer[64 * 1024];
  while (true) {
    const ssize_t size = read(file.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SystemError(errno, "cannot read", path);
    if (size == 0) return content;
    content.append(buffer, size);
  }
}

absl::Status WriteFileAtomically(std::string_view path_view, std::string_view content) {
  const std::string path(path_view);
  std::string temporary;
  Descriptor file(CreateBeside(path, &temporary));
  if (file.get() < 0) return SystemError(errno, "cannot create", path);
  absl::Status status = WriteAndSync(&file, content, path);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError(errno, "cannot replace", path);
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return SyncDirectory(folder.empty() ? "." : folder);
}

absl::Status SyncDirectory(std::string_view path_view) {
  const std::string path(path_view);
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return SystemError(errno, "cannot open folder", path);
  if (fsync(folder.get()) != 0) return SystemError(errno, "cannot sync folder", path);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ResolvePath(std::string_view root, std::string_view path) {
  if (path.empty()) return absl::InvalidArgumentError("path: is empty");
  const std::filesystem::path given(path);
  if (given.is_absolute()) return std::string(path);
  const std::filesystem::path normal = given.lexically_normal();
  if (*normal.begin() == "..") {
    return absl::InvalidArgumentError(
        absl::StrCat("path: leaves its root ", std::string(root), " (", std::string(path), ")"));
  }
  return (std::filesystem::path(root) / normal).string();
}

}  // namespace cohort::common
