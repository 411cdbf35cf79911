// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_DATASET_STORE_H_
#define COHORT_COORDINATOR_DATASET_DATASET_STORE_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "coordinator/dataset/dataset_upload.h"

namespace cohort::coordinator {

// Uploaded datasets by content: <directory>/<namespace>/<SHA-256>.jsonl. A file that is there is whole, durable and
// what its name says. Its modification time is when it was last used. Thread-safe; the clock must outlive it.
class DatasetStore final {
 public:
  // Namespace and digest.
  using Key = std::pair<std::string, std::string>;

  // Makes the folder, and removes what uploads that did not come to their end have left.
  static absl::StatusOr<std::unique_ptr<DatasetStore>> Open(const std::string& directory, int64_t max_upload_bytes,
                                                            common::Clock* clock);

  // INVALID_ARGUMENT names `sha256` when it is no digest; UNAVAILABLE when too many uploads are in progress. The store
  // must outlive the upload.
  absl::StatusOr<std::unique_ptr<DatasetUpload>> BeginUpload(const std::string& name_space, const std::string& sha256);
  // Path of a file, which counts as used now. NOT_FOUND.
  absl::StatusOr<std::string> Use(const std::string& name_space, const std::string& sha256);
  // Removes the files that are not in `needed` and were not used for `grace`. How many.
  int64_t RemoveUnused(const std::set<Key>& needed, absl::Duration grace);

  // Of a file that may be there.
  std::string PathOf(const std::string& name_space, const std::string& sha256) const;
  const std::string& directory() const { return directory_; }

 private:
  DatasetStore(std::string directory, int64_t max_upload_bytes, common::Clock* clock)
      : directory_(std::move(directory)), max_upload_bytes_(max_upload_bytes), clock_(clock) {}

  void RemovePartialFiles();
  void EndUpload();
  void MarkUsed(const std::string& path);

  const std::string directory_;
  const int64_t max_upload_bytes_;
  common::Clock* const clock_;
  absl::Mutex mutex_;  // a file that is being used is not removed meanwhile
  int num_uploads_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t next_upload_ ABSL_GUARDED_BY(mutex_) = 0;
};

// 64 lower-case hex digits. INVALID_ARGUMENT names the field.
absl::Status CheckSha256(std::string_view field, std::string_view sha256);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_DATASET_STORE_H_
