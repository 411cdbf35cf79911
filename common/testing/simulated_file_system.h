// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TESTING_SIMULATED_FILE_SYSTEM_H_
#define COHORT_COMMON_TESTING_SIMULATED_FILE_SYSTEM_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/file_system.h"
#include "common/testing/simulated_disk.h"

namespace cohort::common {

// A simulated disk as one process sees it, until the process is killed: from then on every call fails and changes
// nothing, also through files that were opened before. The next process has a SimulatedFileSystem of its own on the
// same disk. Paths are absolute. Thread-safe; the disk must outlive it, and it its files.
class SimulatedFileSystem final : public FileSystem {
 public:
  // What a call is that changes the disk.
  enum class Call { kOpen, kWrite, kTruncate, kSync, kRename, kRemove, kSyncFolder, kMakeFolders };
  // Where in the call the process dies.
  enum class Moment {
    kBefore,  // nothing of it has happened
    kWithin,  // a write is cut short; other calls: as kBefore
    kAfter,   // all of it has happened
  };

  explicit SimulatedFileSystem(SimulatedDisk* disk) : disk_(disk) {}

  // The process is gone.
  void Kill() { is_dead_ = true; }
  bool is_dead() const { return is_dead_; }
  // Dies at the `call`-th call that changes the disk, counted from 1.
  void DieAt(int64_t call, Moment moment) {
    death_call_ = call;
    death_moment_ = moment;
  }
  int64_t num_calls() const { return num_calls_; }
  // Asked before every call that changes the disk: what it returns instead of doing anything. A Sync that fails forgets
  // what it should have made durable, as Linux does.
  void SetFault(std::function<absl::Status(Call, std::string_view path)> fault) { fault_ = std::move(fault); }

  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view path, Mode mode) override;
  absl::Status Remove(std::string_view path) override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::Status SyncFolder(std::string_view path) override;
  // Both are durable at once.
  absl::Status MakeFolders(std::string_view path) override;
  absl::Status MakeFolder(std::string_view path) override;
  absl::Status RemoveFolder(std::string_view path) override;
  absl::StatusOr<std::vector<std::string>> List(std::string_view path) const override;
  bool IsFile(std::string_view path) const override;
  bool IsFolder(std::string_view path) const override;

 private:
  friend class SimulatedFile;

  absl::Status CheckAlive() const;
  absl::Status MoveFolder(const std::string& from, const std::string& to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_->mutex_);
  // Counts a call, then `change` unless the process dies before or a fault is due. `torn` is done when it dies within.
  absl::Status Do(
      Call call, std::string_view path, const std::function<absl::Status()>& change,
      const std::function<void()>& torn = [] {});

  SimulatedDisk* const disk_;
  std::function<absl::Status(Call, std::string_view)> fault_ = [](Call, std::string_view) { return absl::OkStatus(); };
  std::atomic<bool> is_dead_{false};
  std::atomic<int64_t> num_calls_{0};
  int64_t death_call_ = 0;
  Moment death_moment_ = Moment::kBefore;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TESTING_SIMULATED_FILE_SYSTEM_H_
