// SPDX-License-Identifier: Apache-2.0
#include "common/testing/simulated_disk.h"

#include <algorithm>
#include <utility>

namespace cohort::common {

void SimulatedDisk::LosePower(SeededRandom* random) {
  absl::MutexLock lock(&mutex_);
  for (auto& [folder, renamings] : unsynced_names_) {
    const int64_t num_kept = random->Below(static_cast<int64_t>(renamings.size()) + 1);
    for (int64_t i = 0; i < num_kept; ++i) {
      if (renamings[i].node == nullptr) {
        durable_names_.erase(renamings[i].path);
      } else {
        durable_names_[renamings[i].path] = renamings[i].node;
      }
    }
  }
  unsynced_names_.clear();
  names_ = durable_names_;
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

int64_t SimulatedDisk::FreeBytes() const {
  int64_t used = 0;
  for (const auto& [path, node] : names_) used += static_cast<int64_t>(node->content.size());
  return std::max<int64_t>(0, capacity_bytes_ - used);
}

}  // namespace cohort::common
