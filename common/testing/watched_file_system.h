// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TESTING_WATCHED_FILE_SYSTEM_H_
#define COHORT_COMMON_TESTING_WATCHED_FILE_SYSTEM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/file_system.h"

namespace cohort::common {

// The files of another file system, watched: how much of them is read and which version they have, and reads that wait
// until a test lets them go on. Thread-safe; the other file system must outlive it, and it its files.
class WatchedFileSystem final : public FileSystem {
 public:
  using Change = std::function<void(FileVersion*)>;

  explicit WatchedFileSystem(FileSystem* files) : files_(files) {}

  int64_t NumBytesRead(const std::string& path) const {
    absl::MutexLock lock(&mutex_);
    const auto count = num_bytes_read_.find(path);
    return count == num_bytes_read_.end() ? 0 : count->second;
  }
  // From now on the versions of all files are changed so.
  void ChangeVersions(Change change) {
    absl::MutexLock lock(&mutex_);
    change_ = std::move(change);
  }
  // Reads of this file wait from now on, and go on after Release.
  void Hold(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    held_.insert(path);
  }
  void Release(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    held_.erase(path);
  }
  // Until a read of a file that is held waits.
  void WaitForReader() const {
    const auto is_there = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return num_waiting_ > 0; };
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&is_there));
  }

  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view path, Mode mode) override {
    auto file = files_->Open(path, mode);
    if (!file.ok()) return file;
    return std::make_unique<WatchedFile>(this, std::string(path), *std::move(file));
  }
  absl::Status Remove(std::string_view path) override { return files_->Remove(path); }
  absl::Status Rename(std::string_view from, std::string_view to) override { return files_->Rename(from, to); }
  absl::Status SyncFolder(std::string_view path) override { return files_->SyncFolder(path); }
  absl::Status MakeFolders(std::string_view path) override { return files_->MakeFolders(path); }
  absl::Status MakeFolder(std::string_view path) override { return files_->MakeFolder(path); }
  absl::Status RemoveFolder(std::string_view path) override { return files_->RemoveFolder(path); }
  absl::StatusOr<std::vector<std::string>> List(std::string_view path) const override { return files_->List(path); }
  bool IsFile(std::string_view path) const override { return files_->IsFile(path); }
  bool IsFolder(std::string_view path) const override { return files_->IsFolder(path); }

 private:
  class WatchedFile final : public File {
   public:
    WatchedFile(WatchedFileSystem* files, std::string path, std::unique_ptr<File> file)
        : files_(files), path_(std::move(path)), file_(std::move(file)) {}

    absl::Status Write(std::string_view bytes, int64_t offset) override { return file_->Write(bytes, offset); }
    absl::StatusOr<int64_t> Read(char* buffer, int64_t size, int64_t offset) const override {
      files_->BeforeRead(path_);
      auto got = file_->Read(buffer, size, offset);
      if (got.ok()) files_->CountRead(path_, *got);
      return got;
    }
    absl::StatusOr<int64_t> SizeBytes() const override { return file_->SizeBytes(); }
    std::optional<FileVersion> Version() const override { return files_->Changed(file_->Version()); }
    absl::Status Truncate(int64_t size) override { return file_->Truncate(size); }
    absl::Status Sync() override { return file_->Sync(); }

   private:
    WatchedFileSystem* const files_;
    const std::string path_;
    const std::unique_ptr<File> file_;
  };

  void BeforeRead(const std::string& path) {
    const auto may_go_on = [this, &path]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return held_.count(path) == 0; };
    absl::MutexLock lock(&mutex_);
    ++num_waiting_;
    mutex_.Await(absl::Condition(&may_go_on));
    --num_waiting_;
  }
  void CountRead(const std::string& path, int64_t num_bytes) {
    absl::MutexLock lock(&mutex_);
    num_bytes_read_[path] += num_bytes;
  }
  std::optional<FileVersion> Changed(std::optional<FileVersion> version) const {
    absl::MutexLock lock(&mutex_);
    if (version.has_value() && change_ != nullptr) change_(&*version);
    return version;
  }

  FileSystem* const files_;
  mutable absl::Mutex mutex_;
  std::map<std::string, int64_t> num_bytes_read_ ABSL_GUARDED_BY(mutex_);
  Change change_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> held_ ABSL_GUARDED_BY(mutex_);
  int64_t num_waiting_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TESTING_WATCHED_FILE_SYSTEM_H_
