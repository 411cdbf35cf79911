// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/shared_weights.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/regular_file.h"

namespace cohort::model {
namespace {

// Two publishers of one process may hold the same version, and a killed one with our process id may have left files.
constexpr int kMaxNameAttempts = 1000;

struct LockedFile {
  std::string path;
  int fd;
};

// Locked and still linked: a sweep between creating and locking would have removed it.
bool Lock(int fd) {
  struct stat status;
  return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &status) == 0 && status.st_nlink > 0;
}

absl::StatusOr<LockedFile> CreateLocked(const std::string& directory, const std::string& stem) {
  for (int attempt = 0; attempt < kMaxNameAttempts; ++attempt) {
    std::string path = absl::StrCat(directory, "/", stem, "-", attempt);
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) continue;
    if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be created"));
    if (Lock(fd)) return LockedFile{std::move(path), fd};
    close(fd);
  }
  return absl::ResourceExhaustedError(absl::StrCat(directory, "/", stem, ": no free name"));
}

absl::Status WriteAll(const LockedFile& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file.fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, absl::StrCat(file.path, ": cannot be written"));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SharedWeights>> SharedWeights::Create(
    const std::string& directory, const std::string& stem, int64_t total_bytes,
    const std::function<absl::Status(const Append&)>& write) {
  COHORT_ASSIGN_OR_RETURN(const LockedFile file, CreateLocked(directory, stem));
  std::unique_ptr<SharedWeights> weights(new SharedWeights(file.path, file.fd));  // removes the file on failure
  COHORT_RETURN_IF_ERROR(write([&file](std::string_view bytes) { return WriteAll(file, bytes); }));
  struct stat status;
  if (fstat(file.fd, &status) != 0 || status.st_size != total_bytes) {
    return absl::InternalError(absl::StrCat(file.path, ": has another size than announced (", total_bytes, ")"));
  }
  weights->size_bytes_ = total_bytes;
  return weights;
}

SharedWeights::~SharedWeights() {
  unlink(path_.c_str());
  close(fd_);
}

absl::Status SharedWeights::Read(int64_t first, int64_t count, char* bytes) const {
  return ReadFileAt(fd_, path_, first, count, bytes);
}

void SharedWeights::RemoveAbandoned(const std::string& directory, const std::string& prefix) {
  DIR* entries = opendir(directory.c_str());
  if (entries == nullptr) return;
  std::vector<std::string> paths;
  while (const dirent* entry = readdir(entries)) {
    if (absl::StartsWith(entry->d_name, prefix)) paths.push_back(absl::StrCat(directory, "/", entry->d_name));
  }
  closedir(entries);
  for (const std::string& path : paths) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) continue;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlink(path.c_str());
    close(fd);
  }
}

}  // namespace cohort::model
