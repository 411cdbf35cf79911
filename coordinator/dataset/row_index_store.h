// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_ROW_INDEX_STORE_H_
#define COHORT_COORDINATOR_DATASET_ROW_INDEX_STORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/file_system.h"
#include "coordinator/dataset/row_index_file.h"

namespace cohort::coordinator {

// Stored indices of dataset files, one per path and max_rows, so that a file that has not changed need not be read to
// be opened: <directory>/<SHA-256 of path and max_rows>.rows. All of it can be made anew; what cannot be read or stored
// is no error. Bounded: the least recently used ones go first. Thread-safe; clock and files must outlive it.
class RowIndexStore final {
 public:
  struct Options {
    int64_t min_file_bytes = 16 << 20;  // smaller files are read sooner than an index is made durable
    int64_t max_indices = 1024;
    int64_t max_bytes = int64_t{4} << 30;
  };

  // Makes the folder, and removes what indices that were not stored to their end have left.
  static absl::StatusOr<std::unique_ptr<RowIndexStore>> Open(const std::string& directory, common::Clock* clock,
                                                             common::FileSystem* files, const Options& options);
  static absl::StatusOr<std::unique_ptr<RowIndexStore>> Open(const std::string& directory, common::Clock* clock,
                                                             common::FileSystem* files) {
    return Open(directory, clock, files, Options());
  }

  // The index of just this version of the file; it counts as used now. Nullopt: the file must be read.
  std::optional<IndexedRows> Find(const RowIndexKey& key);
  // Stores the index of a file that had the version of the key before and after it was read; `begin`: Now() before it
  // was read. A file that may have been written to just then is not taken: a later write could give it the same times.
  void Keep(const RowIndexKey& key, const IndexedRows& rows, absl::Time begin);
  absl::Time Now() const { return clock_->Now(); }
  // Removes the indices that are not in `needed` (of NameOf) and were not used by this process for `grace`. How many.
  int64_t RemoveUnused(const std::set<std::string>& needed, absl::Duration grace);

  static std::string NameOf(const std::string& path, int64_t max_rows);

 private:
  struct Entry {
    int64_t num_bytes = 0;
    int64_t last_use = 0;  // order of uses
    absl::Duration used;   // when; monotonic
  };

  RowIndexStore(std::string directory, common::Clock* clock, common::FileSystem* files, const Options& options)
      : directory_(std::move(directory)), clock_(clock), files_(files), options_(options) {}

  std::string PathOf(const std::string& name) const;
  absl::Status TakeUp(const std::string& name);
  absl::Status Write(const std::string& name, const std::string& partial_name, const RowIndexKey& key,
                     const IndexedRows& rows);
  void SetUsed(Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string directory_;
  common::Clock* const clock_;
  common::FileSystem* const files_;
  const Options options_;
  absl::Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // by name
  int64_t num_uses_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t next_partial_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_ROW_INDEX_STORE_H_
