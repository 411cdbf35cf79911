// SPDX-License-Identifier: Apache-2.0
#include "common/testing/simulated_file_system.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/status_macros.h"

namespace cohort::common {
namespace {

absl::Status Error(int error, std::string_view path) { return absl::ErrnoToStatus(error, std::string(path)); }

}  // namespace

class SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedFileSystem* files, std::string path, std::shared_ptr<SimulatedDisk::Node> node,
                bool is_writable)
      : files_(files), path_(std::move(path)), node_(std::move(node)), is_writable_(is_writable) {}

  absl::Status Write(std::string_view bytes, int64_t offset_bytes) override {
    if (!is_writable_) return Error(EBADF, path_);
    return files_->Do(
        SimulatedFileSystem::Call::kWrite, path_,
        [&]() -> absl::Status {
          const int64_t size = Fitting(static_cast<int64_t>(bytes.size()), offset_bytes);
          Put(bytes.substr(0, size), offset_bytes);
          return size < static_cast<int64_t>(bytes.size()) ? Error(ENOSPC, path_) : absl::OkStatus();
        },
        [&] { Put(bytes.substr(0, bytes.size() / 2), offset_bytes); });
  }

  absl::StatusOr<int64_t> Read(char* buffer, int64_t size_bytes, int64_t offset_bytes) const override {
    COHORT_RETURN_IF_ERROR(files_->CheckAlive());
    absl::MutexLock lock(&files_->disk_->mutex_);
    const int64_t there = std::max<int64_t>(0, static_cast<int64_t>(node_->content.size()) - offset_bytes);
    const int64_t size = std::min(size_bytes, there);
    if (size > 0) std::copy_n(node_->content.begin() + offset_bytes, size, buffer);
    return size;
  }

  absl::StatusOr<int64_t> SizeBytes() const override {
    COHORT_RETURN_IF_ERROR(files_->CheckAlive());
    absl::MutexLock lock(&files_->disk_->mutex_);
    return static_cast<int64_t>(node_->content.size());
  }

  absl::Status Truncate(int64_t size_bytes) override {
    if (!is_writable_) return Error(EBADF, path_);
    return files_->Do(SimulatedFileSystem::Call::kTruncate, path_, [&] {
      absl::MutexLock lock(&files_->disk_->mutex_);
      SimulatedDisk::Change cut{size_bytes, ""};
      SimulatedDisk::Apply(cut, &node_->content);
      node_->unsynced.push_back(std::move(cut));
      return absl::OkStatus();
    });
  }

  absl::Status Sync() override {
    const absl::Status status = files_->Do(SimulatedFileSystem::Call::kSync, path_, [&] {
      absl::MutexLock lock(&files_->disk_->mutex_);
      for (const auto& change : node_->unsynced) SimulatedDisk::Apply(change, &node_->durable);
      node_->unsynced.clear();
      return absl::OkStatus();
    });
    if (!status.ok() && !files_->is_dead()) {
      absl::MutexLock lock(&files_->disk_->mutex_);
      node_->unsynced.clear();
    }
    return status;
  }

 private:
  // How much of a write the disk has room for.
  int64_t Fitting(int64_t size, int64_t offset) const {
    absl::MutexLock lock(&files_->disk_->mutex_);
    const int64_t growth = offset + size - static_cast<int64_t>(node_->content.size());
    const int64_t free = growth > 0 ? files_->disk_->FreeBytes() : 0;
    return growth <= free ? size : std::max<int64_t>(0, size - (growth - free));
  }

  void Put(std::string_view bytes, int64_t offset) {
    if (bytes.empty()) return;
    absl::MutexLock lock(&files_->disk_->mutex_);
    SimulatedDisk::Change write{offset, std::string(bytes)};
    SimulatedDisk::Apply(write, &node_->content);
    node_->unsynced.push_back(std::move(write));
  }

  SimulatedFileSystem* const files_;
  const std::string path_;
  const std::shared_ptr<SimulatedDisk::Node> node_;
  const bool is_writable_;
};

absl::Status SimulatedFileSystem::CheckAlive() const {
  return is_dead_ ? absl::AbortedError("the simulated process was killed") : absl::OkStatus();
}

absl::Status SimulatedFileSystem::Do(Call call, std::string_view path, const std::function<absl::Status()>& change,
                                     const std::function<void()>& torn) {
  COHORT_RETURN_IF_ERROR(CheckAlive());
  const bool is_last = ++num_calls_ == death_call_;
  if (is_last && death_moment_ != Moment::kAfter) {
    if (death_moment_ == Moment::kWithin) torn();
    Kill();
    return CheckAlive();
  }
  COHORT_RETURN_IF_ERROR(fault_(call, path));
  const absl::Status status = change();
  if (!is_last) return status;
  Kill();
  return CheckAlive();
}

absl::StatusOr<std::unique_ptr<File>> SimulatedFileSystem::Open(std::string_view path_view, Mode mode) {
  COHORT_RETURN_IF_ERROR(CheckAlive());
  const std::string path(path_view);
  std::shared_ptr<SimulatedDisk::Node> node;
  {
    absl::MutexLock lock(&disk_->mutex_);
    if (disk_->folders_.count(path) > 0) return Error(EISDIR, path);
    const auto it = disk_->names_.find(path);
    if (it != disk_->names_.end()) node = it->second;
    if (disk_->folders_.count(SimulatedDisk::FolderOf(path)) == 0) return Error(ENOENT, path);
  }
  const bool makes = mode == Mode::kCreate || mode == Mode::kReplace;
  if (node == nullptr && !makes) return Error(ENOENT, path);
  if (node == nullptr) {
    COHORT_RETURN_IF_ERROR(Do(Call::kOpen, path, [&] {
      node = std::make_shared<SimulatedDisk::Node>();
      absl::MutexLock lock(&disk_->mutex_);
      disk_->SetName(path, node);
      return absl::OkStatus();
    }));
  }
  auto file = std::make_unique<SimulatedFile>(this, path, std::move(node), mode != Mode::kRead);
  if (mode == Mode::kReplace) COHORT_RETURN_IF_ERROR(file->Truncate(0));
  return file;
}

absl::Status SimulatedFileSystem::Remove(std::string_view path) {
  return Do(Call::kRemove, path, [&] {
    absl::MutexLock lock(&disk_->mutex_);
    if (disk_->names_.count(path) == 0) return Error(ENOENT, path);
    disk_->SetName(std::string(path), nullptr);
    return absl::OkStatus();
  });
}

absl::Status SimulatedFileSystem::Rename(std::string_view from, std::string_view to) {
  return Do(Call::kRename, from, [&] {
    absl::MutexLock lock(&disk_->mutex_);
    if (disk_->folders_.count(from) > 0) return MoveFolder(std::string(from), std::string(to));
    const auto it = disk_->names_.find(from);
    if (it == disk_->names_.end()) return Error(ENOENT, from);
    if (disk_->folders_.count(to) > 0) return Error(EISDIR, to);
    // Power that is lost in between leaves both names.
    const std::shared_ptr<SimulatedDisk::Node> node = it->second;
    disk_->SetName(std::string(to), node);
    disk_->SetName(std::string(from), nullptr);
    return absl::OkStatus();
  });
}

absl::Status SimulatedFileSystem::MoveFolder(const std::string& from, const std::string& to) {
  if (disk_->names_.count(to) > 0) return Error(ENOTDIR, to);
  if (disk_->folders_.count(to) > 0 && !disk_->IsEmpty(to)) return Error(ENOTEMPTY, to);
  disk_->MoveFolder(from, to);
  return absl::OkStatus();
}

absl::Status SimulatedFileSystem::SyncFolder(std::string_view path) {
  return Do(Call::kSyncFolder, path, [&] {
    absl::MutexLock lock(&disk_->mutex_);
    if (disk_->folders_.count(path) == 0) return Error(ENOENT, path);
    const auto it = disk_->unsynced_names_.find(std::string(path));
    if (it == disk_->unsynced_names_.end()) return absl::OkStatus();
    for (const auto& renaming : it->second) disk_->Settle(renaming);
    disk_->unsynced_names_.erase(it);
    return absl::OkStatus();
  });
}

absl::Status SimulatedFileSystem::MakeFolders(std::string_view path) {
  if (IsFolder(path)) return CheckAlive();
  return Do(Call::kMakeFolders, path, [&] {
    absl::MutexLock lock(&disk_->mutex_);
    for (std::string folder(path); folder != "/"; folder = SimulatedDisk::FolderOf(folder)) {
      if (disk_->names_.count(folder) > 0) return Error(ENOTDIR, path);
    }
    for (std::string folder(path); folder != "/"; folder = SimulatedDisk::FolderOf(folder)) {
      disk_->folders_.insert(folder);
    }
    return absl::OkStatus();
  });
}

absl::Status SimulatedFileSystem::MakeFolder(std::string_view path) {
  if (IsFolder(path)) return CheckAlive();
  return Do(Call::kMakeFolders, path, [&] {
    absl::MutexLock lock(&disk_->mutex_);
    if (disk_->names_.count(path) > 0) return Error(ENOTDIR, path);
    if (disk_->folders_.count(SimulatedDisk::FolderOf(path)) == 0) return Error(ENOENT, path);
    disk_->folders_.insert(std::string(path));
    return absl::OkStatus();
  });
}

absl::Status SimulatedFileSystem::RemoveFolder(std::string_view path) {
  COHORT_RETURN_IF_ERROR(CheckAlive());
  absl::MutexLock lock(&disk_->mutex_);
  if (!disk_->IsEmpty(std::string(path))) return Error(ENOTEMPTY, path);
  disk_->durable_folders_.erase(std::string(path));
  return disk_->folders_.erase(std::string(path)) > 0 ? absl::OkStatus() : Error(ENOENT, path);
}

absl::StatusOr<std::vector<std::string>> SimulatedFileSystem::List(std::string_view path) const {
  COHORT_RETURN_IF_ERROR(CheckAlive());
  absl::MutexLock lock(&disk_->mutex_);
  if (disk_->folders_.count(path) == 0) return Error(ENOENT, path);
  std::set<std::string> names;
  const auto add = [&names, path](const std::string& name) {
    if (name != "/" && SimulatedDisk::FolderOf(name) == path) names.insert(name.substr(name.rfind('/') + 1));
  };
  for (const auto& [name, node] : disk_->names_) add(name);
  for (const std::string& folder : disk_->folders_) add(folder);
  return std::vector<std::string>(names.begin(), names.end());
}

bool SimulatedFileSystem::IsFile(std::string_view path) const {
  absl::MutexLock lock(&disk_->mutex_);
  return !is_dead_ && disk_->names_.count(path) > 0;
}

bool SimulatedFileSystem::IsFolder(std::string_view path) const {
  absl::MutexLock lock(&disk_->mutex_);
  return !is_dead_ && disk_->folders_.count(path) > 0;
}

}  // namespace cohort::common
