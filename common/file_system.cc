// SPDX-License-Identifier: Apache-2.0
#include "common/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace cohort::common {
namespace {

namespace fs = std::filesystem;

absl::Status SystemError(int error, std::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat(path, ": ", std::string(what)));
}

std::string FolderOf(std::string_view path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

int64_t UnixNanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

class RealFile final : public File {
 public:
  RealFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~RealFile() override { ::close(descriptor_); }
  RealFile(const RealFile&) = delete;
  RealFile& operator=(const RealFile&) = delete;

  absl::Status Write(std::string_view bytes, int64_t offset_bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), offset_bytes);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return SystemError(errno, "cannot write", path_);
      bytes.remove_prefix(written);
      offset_bytes += written;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> Read(char* buffer, int64_t size_bytes, int64_t offset_bytes) const override {
    int64_t done = 0;
    while (done < size_bytes) {
      const ssize_t got = ::pread(descriptor_, buffer + done, size_bytes - done, offset_bytes + done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return SystemError(errno, "cannot read", path_);
      if (got == 0) break;
      done += got;
    }
    return done;
  }

  absl::StatusOr<int64_t> SizeBytes() const override {
    struct stat description;
    if (::fstat(descriptor_, &description) != 0) return SystemError(errno, "cannot look at", path_);
    return description.st_size;
  }

  std::optional<FileVersion> Version() const override {
    struct stat description;
    if (::fstat(descriptor_, &description) != 0) return std::nullopt;
    return FileVersion{.device = static_cast<int64_t>(description.st_dev),
                       .inode = static_cast<int64_t>(description.st_ino),
                       .size_bytes = description.st_size,
                       .modified_unix_ns = UnixNanoseconds(description.st_mtim),
                       .changed_unix_ns = UnixNanoseconds(description.st_ctim)};
  }

  absl::Status Truncate(int64_t size_bytes) override {
    return ::ftruncate(descriptor_, size_bytes) == 0 ? absl::OkStatus() : SystemError(errno, "cannot cut", path_);
  }

  // The size is part of what is needed to read the content: fdatasync takes it along.
  absl::Status Sync() override {
    return ::fdatasync(descriptor_) == 0 ? absl::OkStatus() : SystemError(errno, "cannot sync", path_);
  }

 private:
  const int descriptor_;
  const std::string path_;
};

int FlagsOf(FileSystem::Mode mode) {
  switch (mode) {
    case FileSystem::Mode::kRead:
      return O_RDONLY;
    case FileSystem::Mode::kUpdate:
      return O_RDWR;
    case FileSystem::Mode::kCreate:
      return O_RDWR | O_CREAT;
    case FileSystem::Mode::kReplace:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

class MachineFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view path_view, Mode mode) override {
    std::string path(path_view);
    const int descriptor = ::open(path.c_str(), FlagsOf(mode) | O_CLOEXEC, 0644);
    if (descriptor < 0) return SystemError(errno, "cannot open", path);
    return std::make_unique<RealFile>(descriptor, std::move(path));
  }

  absl::Status Remove(std::string_view path_view) override {
    const std::string path(path_view);
    return ::unlink(path.c_str()) == 0 ? absl::OkStatus() : SystemError(errno, "cannot remove", path);
  }

  absl::Status Rename(std::string_view from_view, std::string_view to_view) override {
    const std::string from(from_view), to(to_view);
    return ::rename(from.c_str(), to.c_str()) == 0 ? absl::OkStatus() : SystemError(errno, "cannot replace", to);
  }

  absl::Status SyncFolder(std::string_view path) override { return SyncDirectory(path); }

  absl::Status MakeFolders(std::string_view path_view) override {
    const std::string path(path_view);
    if (path.empty() || IsFolder(path)) return absl::OkStatus();
    const std::string above = FolderOf(path);
    COHORT_RETURN_IF_ERROR(MakeFolders(above));
    COHORT_RETURN_IF_ERROR(MakeFolder(path));
    return SyncDirectory(above);
  }

  absl::Status MakeFolder(std::string_view path_view) override {
    const std::string path(path_view);
    if (::mkdir(path.c_str(), 0777) == 0) return absl::OkStatus();
    if (errno != EEXIST) return SystemError(errno, "cannot create", path);
    struct stat description;
    // Removed by now, so that it is as if the one above it had gone, too.
    if (::stat(path.c_str(), &description) != 0) return SystemError(errno, "cannot create", path);
    if (S_ISDIR(description.st_mode)) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(path, ": cannot create: not a folder"));
  }

  absl::Status RemoveFolder(std::string_view path_view) override {
    const std::string path(path_view);
    return ::rmdir(path.c_str()) == 0 ? absl::OkStatus() : SystemError(errno, "cannot remove", path);
  }

  absl::StatusOr<std::vector<std::string>> List(std::string_view path) const override {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    if (error) return SystemError(error.value(), "cannot list", std::string(path));
    std::sort(names.begin(), names.end());
    return names;
  }

  bool IsFile(std::string_view path) const override {
    std::error_code error;
    return fs::is_regular_file(path, error);
  }

  bool IsFolder(std::string_view path) const override {
    std::error_code error;
    return fs::is_directory(path, error);
  }
};

}  // namespace

FileSystem* RealFileSystem() {
  static FileSystem* const files = new MachineFileSystem;
  return files;
}

absl::StatusOr<std::string> ReadFile(FileSystem* files, std::string_view path) {
  COHORT_ASSIGN_OR_RETURN(const auto file, files->Open(path, FileSystem::Mode::kRead));
  COHORT_ASSIGN_OR_RETURN(const int64_t size, file->SizeBytes());
  std::string content(size, '\0');
  COHORT_ASSIGN_OR_RETURN(const int64_t got, file->Read(content.data(), size, 0));
  content.resize(got);
  return content;
}

absl::Status WriteFileAtomically(FileSystem* files, std::string_view path_view, std::string_view content) {
  const std::string path(path_view);
  const std::string temporary = path + ".tmp";
  const auto write = [&]() -> absl::Status {
    COHORT_ASSIGN_OR_RETURN(const auto file, files->Open(temporary, FileSystem::Mode::kReplace));
    COHORT_RETURN_IF_ERROR(file->Write(content, 0));
    return file->Sync();
  };
  absl::Status status = write();
  if (status.ok()) status = files->Rename(temporary, path);
  if (!status.ok()) {
    // The error that counts is the first one.
    (void)files->Remove(temporary);
    return status;
  }
  return files->SyncFolder(FolderOf(path));
}

absl::Status RemoveTree(FileSystem* files, std::string_view path_view) {
  const std::string path(path_view);
  // First as a file, for a link to a folder is one.
  const absl::Status removed = files->Remove(path);
  if (removed.ok() || !files->IsFolder(path)) return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
  COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(path));
  for (const std::string& name : names) COHORT_RETURN_IF_ERROR(RemoveTree(files, absl::StrCat(path, "/", name)));
  return files->RemoveFolder(path);
}

absl::Status AppendToFile(FileSystem* files, std::string_view path, std::string_view content) {
  COHORT_ASSIGN_OR_RETURN(const auto file, files->Open(path, FileSystem::Mode::kCreate));
  COHORT_ASSIGN_OR_RETURN(const int64_t size, file->SizeBytes());
  return file->Write(content, size);
}

}  // namespace cohort::common
