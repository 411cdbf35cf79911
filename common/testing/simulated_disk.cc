// SPDX-License-Identifier: Apache-2.0
#include "common/testing/simulated_disk.h"

#include <algorithm>
#include <utility>

namespace cohort::common {
namespace {

// `path` with `from`, itself or a folder above it, replaced by `to`; unchanged when it is neither.
std::string Moved(const std::string& path, const std::string& from, const std::string& to) {
  const bool is_below = path.size() > from.size() && path[from.size()] == '/';
  return path.compare(0, from.size(), from) == 0 && (is_below || path == from) ? to + path.substr(from.size()) : path;
}

template <typename Map>
void MoveKeys(const std::string& from, const std::string& to, Map* map) {
  Map moved;
  for (auto& [key, value] : *map) moved[Moved(key, from, to)] = std::move(value);
  *map = std::move(moved);
}

}  // namespace

void SimulatedDisk::LosePower(SeededRandom* random) {
  absl::MutexLock lock(&mutex_);
  for (auto& [folder, renamings] : unsynced_names_) {
    const int64_t num_kept = random->Below(static_cast<int64_t>(renamings.size()) + 1);
    for (int64_t i = 0; i < num_kept; ++i) Settle(renamings[i]);
  }
  unsynced_names_.clear();
  std::set<std::string, std::less<>> folders;
  for (const std::string& folder : folders_) folders.insert(DurablePath(folder));
  folders_ = std::move(folders);
  durable_folders_.clear();
  names_ = durable_names_;
  // A folder is not gone as long as a name in it is there.
  for (const auto& [path, node] : names_) {
    for (std::string folder = FolderOf(path); folders_.insert(folder).second;) folder = FolderOf(folder);
  }
  for (auto& [path, node] : names_) {
    // A cache writes back in any order; often in the order of the writes.
    const bool is_ordered = random->Chance(500);
    const auto num_changes = static_cast<int64_t>(node->unsynced.size());
    const int64_t num_kept = random->Below(num_changes + 1);
    for (int64_t i = 0; i < num_changes; ++i) {
      const Change& change = node->unsynced[i];
      const bool is_kept = is_ordered ? i < num_kept : random->Chance(500);
      if (is_kept) {
        Apply(change, &node->durable);
      } else if (random->Chance(300) && !change.bytes.empty()) {
        // Torn: some of its sectors.
        for (int64_t begin = 0; begin < static_cast<int64_t>(change.bytes.size());) {
          const int64_t offset = change.offset_bytes + begin;
          const int64_t size = kSectorBytes - offset % kSectorBytes;
          if (random->Chance(500)) Apply({offset, change.bytes.substr(begin, size)}, &node->durable);
          begin += size;
        }
      }
    }
    node->unsynced.clear();
    node->content = node->durable;
  }
}

void SimulatedDisk::SetCapacity(int64_t capacity_bytes) {
  absl::MutexLock lock(&mutex_);
  capacity_bytes_ = capacity_bytes;
}

int64_t SimulatedDisk::UsedBytes() const {
  absl::MutexLock lock(&mutex_);
  int64_t used = 0;
  for (const auto& [path, node] : names_) used += static_cast<int64_t>(node->content.size());
  return used;
}

bool SimulatedDisk::Damage(std::string_view path, int64_t offset_bytes) {
  absl::MutexLock lock(&mutex_);
  const auto it = names_.find(path);
  if (it == names_.end() || offset_bytes >= static_cast<int64_t>(it->second->content.size())) return false;
  it->second->content[offset_bytes] ^= 1;
  it->second->durable = it->second->content;
  it->second->unsynced.clear();
  return true;
}

std::string SimulatedDisk::FolderOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

void SimulatedDisk::Apply(const Change& change, std::string* content) {
  if (change.bytes.empty()) {
    content->resize(change.offset_bytes);
    return;
  }
  const size_t end = change.offset_bytes + change.bytes.size();
  if (content->size() < end) content->resize(end);
  std::copy(change.bytes.begin(), change.bytes.end(), content->begin() + change.offset_bytes);
}

void SimulatedDisk::SetName(const std::string& path, std::shared_ptr<Node> node) {
  unsynced_names_[FolderOf(path)].push_back({path, node});
  if (node == nullptr) {
    names_.erase(path);
  } else {
    names_[path] = std::move(node);
  }
}

bool SimulatedDisk::IsEmpty(const std::string& folder) const {
  const std::string below = folder + "/";
  const auto file = names_.lower_bound(below);
  const auto subfolder = folders_.lower_bound(below);
  return (file == names_.end() || file->first.compare(0, below.size(), below) != 0) &&
         (subfolder == folders_.end() || subfolder->compare(0, below.size(), below) != 0);
}

void SimulatedDisk::MoveFolder(const std::string& from, const std::string& to) {
  const std::string durable = DurablePath(from);
  MoveKeys(from, to, &names_);
  MoveKeys(from, to, &unsynced_names_);
  for (auto& [folder, renamings] : unsynced_names_) {
    if (Moved(folder, to, from) == folder) continue;
    for (Renaming& renaming : renamings) renaming.path = Moved(renaming.path, from, to);
  }
  std::set<std::string, std::less<>> folders;
  for (const std::string& folder : folders_) folders.insert(Moved(folder, from, to));
  folders_ = std::move(folders);
  MoveKeys(from, to, &durable_folders_);
  durable_folders_[to] = durable;
  unsynced_names_[FolderOf(to)].push_back({to, nullptr, from});
}

std::string SimulatedDisk::DurablePath(std::string_view path_view) const {
  const std::string path(path_view);
  for (std::string folder = path; folder != "/"; folder = FolderOf(folder)) {
    const auto moved = durable_folders_.find(folder);
    if (moved != durable_folders_.end()) return moved->second + path.substr(folder.size());
  }
  return path;
}

void SimulatedDisk::Settle(const Renaming& renaming) {
  const std::string folder = DurablePath(FolderOf(renaming.path));
  const auto in_folder = [&folder](const std::string& path) {
    return (folder == "/" ? "" : folder) + path.substr(path.rfind('/'));
  };
  const std::string path = in_folder(renaming.path);
  if (!renaming.moved_from.empty()) {
    const std::string from = in_folder(renaming.moved_from);
    MoveKeys(from, path, &durable_names_);
    for (auto& [live, durable] : durable_folders_) durable = Moved(durable, from, path);
  } else if (renaming.node == nullptr) {
    durable_names_.erase(path);
  } else {
    durable_names_[path] = renaming.node;
  }
}

int64_t SimulatedDisk::FreeBytes() const {
  int64_t used = 0;
  for (const auto& [path, node] : names_) used += static_cast<int64_t>(node->content.size());
  return std::max<int64_t>(0, capacity_bytes_ - used);
}

}  // namespace cohort::common
