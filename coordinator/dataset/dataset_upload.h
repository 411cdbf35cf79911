// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_DATASET_UPLOAD_H_
#define COHORT_COORDINATOR_DATASET_DATASET_UPLOAD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/job_service.pb.h"
#include "common/sha256.h"

namespace cohort::coordinator {

// Where an upload goes. Plain record.
struct UploadTarget {
  std::string folder;
  std::string path;          // in the folder
  std::string partial_path;  // beside it, of this upload alone
  std::string sha256;        // hex
  int64_t max_bytes = 0;
};

// One upload in progress: bytes go to a file of their own, which takes its name once it is whole and durable. Several
// of the same file do not disturb each other. Given up when destroyed before Finish. Not thread-safe.
class DatasetUpload final {
 public:
  // `mark_used` is told the path of the file when it is there; `on_end` is called at the end, whatever it is.
  DatasetUpload(UploadTarget target, std::function<void(const std::string& path)> mark_used,
                std::function<void()> on_end);
  ~DatasetUpload();
  DatasetUpload(const DatasetUpload&) = delete;
  DatasetUpload& operator=(const DatasetUpload&) = delete;

  // The file is there already: Finish at once.
  bool Exists() const { return exists_; }
  // INVALID_ARGUMENT when the first line is not a JSON object; RESOURCE_EXHAUSTED when the file is too large;
  // UNAVAILABLE when the disk does not take it.
  absl::Status Append(std::string_view chunk);
  // INVALID_ARGUMENT names `sha256` when the content has another digest; else as Append.
  absl::StatusOr<cohort::v1::UploadDatasetResponse> Finish();

 private:
  absl::Status CreateFile();
  absl::Status Write(std::string_view chunk);
  // Looks at the first line as soon as it is there.
  absl::Status CheckFirstLine(std::string_view chunk, bool is_end);
  absl::Status MakeDurable();
  // So that the name of the file outlives a crash.
  absl::Status SyncFolders() const;

  const UploadTarget target_;
  const std::function<void(const std::string& path)> mark_used_;
  const std::function<void()> on_end_;
  const bool exists_;
  int descriptor_ = -1;
  common::Sha256 digest_;
  std::string first_line_;
  bool is_first_line_checked_ = false;
  bool ends_in_newline_ = true;
  int64_t num_bytes_ = 0;
  int64_t num_rows_ = 0;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_DATASET_UPLOAD_H_
