// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TESTING_SIMULATED_DISK_H_
#define COHORT_COMMON_TESTING_SIMULATED_DISK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/testing/seeded_random.h"

namespace cohort::common {

// What a disk and the kernel's cache before it hold. Processes use it through SimulatedFileSystem. A file has the
// content that a process reads and the content that is durable; what was written since the last sync stands between
// them, and LosePower keeps any part of it. The same is true for names in a folder. Folders are durable at once, as
// FileSystem::MakeFolders promises; their names change as those of files do. Thread-safe.
class SimulatedDisk final {
 public:
  static constexpr int64_t kSectorBytes = 512;

  // The cache is gone. Of each file remains the durable content with a part of the changes since, chosen by `random`:
  // the first ones, or any of them, and any sectors of those that remain in part. Of each folder's changes of names the
  // first ones remain.
  void LosePower(SeededRandom* random);
  // What all files may hold together; writes beyond it fail with ENOSPC.
  void SetCapacity(int64_t capacity_bytes);
  int64_t UsedBytes() const;
  // Changes one byte of a file for good, as a worn-out disk does. False when it is not there or too short.
  bool Damage(std::string_view path, int64_t offset_bytes);

 private:
  friend class SimulatedFileSystem;
  friend class SimulatedFile;

  // One write, or one cut when `bytes` is empty.
  struct Change {
    int64_t offset_bytes = 0;
    std::string bytes;
  };
  struct Node {
    std::string content;
    std::string durable;
    std::vector<Change> unsynced;
  };
  struct Renaming {
    std::string path;
    std::shared_ptr<Node> node;  // null: the name is removed
    std::string moved_from;      // of a folder: the name in the same folder that it had before; `node` is null
  };
  using Names = std::map<std::string, std::shared_ptr<Node>, std::less<>>;

  static std::string FolderOf(std::string_view path);
  static void Apply(const Change& change, std::string* content);
  void SetName(const std::string& path, std::shared_ptr<Node> node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsEmpty(const std::string& folder) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // Within one folder.
  void MoveFolder(const std::string& from, const std::string& to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Where the disk has what processes see at `path`, as long as a move of a folder above it is not durable.
  std::string DurablePath(std::string_view path) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // Makes a change of a name durable.
  void Settle(const Renaming& renaming) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Bytes of a write of which the disk takes no more than this many.
  int64_t FreeBytes() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  Names names_ ABSL_GUARDED_BY(mutex_);
  Names durable_names_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<Renaming>> unsynced_names_ ABSL_GUARDED_BY(mutex_);  // by folder
  std::set<std::string, std::less<>> folders_ ABSL_GUARDED_BY(mutex_) = {"/"};
  std::map<std::string, std::string, std::less<>> durable_folders_ ABSL_GUARDED_BY(mutex_);  // of those that were moved
  int64_t capacity_bytes_ ABSL_GUARDED_BY(mutex_) = int64_t{1} << 40;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TESTING_SIMULATED_DISK_H_
