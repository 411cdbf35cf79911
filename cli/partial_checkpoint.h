// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_PARTIAL_CHECKPOINT_H_
#define COHORT_CLI_PARTIAL_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/job_service.pb.h"
#include "common/file_system.h"

namespace cohort::cli {

// A checkpoint on its way into a folder of its own, which keeps what has come when a download breaks. What the server
// sends is checked before anything is written: names that lead out of the folder, pieces that do not follow each other
// or are too long are DATA_LOSS. Not thread-safe. `files` must outlive it.
//
//   fill request.held from Held(); Begin(listing); Take(chunk)...; Finish(); MoveTo(target)
class PartialCheckpoint final {
 public:
  // Makes the folder unless it is there.
  static absl::StatusOr<std::unique_ptr<PartialCheckpoint>> Open(common::FileSystem* files, const std::string& folder);

  // Names and sizes of what is in the folder.
  absl::StatusOr<std::vector<cohort::v1::HeldFile>> Held() const;
  // The list that a stream begins with. Removes what is not in it, and empties files that are too long. A list that is
  // not the one of the stream before is ABORTED: the checkpoint was replaced.
  absl::Status Begin(const cohort::v1::CheckpointListing& listing);
  absl::Status Take(const cohort::v1::FileChunk& chunk);
  // Makes all files durable and compares them with size and digest. DATA_LOSS names a file that differs, and empties
  // all that do.
  absl::Status Finish();
  // Makes the folder `target`, which must not exist and lies in the same folder. Durable when it is OK.
  absl::Status MoveTo(const std::string& target);
  // Removes the folder with everything in it.
  absl::Status Remove();

  int64_t num_bytes() const { return num_bytes_; }
  int64_t total_bytes() const { return total_bytes_; }

 private:
  PartialCheckpoint(common::FileSystem* files, const std::string& folder) : files_(files), folder_(folder) {}
  std::string PathOf(const std::string& name) const { return folder_ + "/" + name; }
  // Takes up what is there of a file.
  absl::Status BeginFile(const cohort::v1::CheckpointFile& listed);
  absl::Status CheckFile(const cohort::v1::CheckpointFile& listed, int64_t* size_bytes);

  common::FileSystem* const files_;
  const std::string folder_;
  cohort::v1::CheckpointListing listing_;
  std::vector<int64_t> sizes_;  // of what is there, by place in the list
  int64_t num_bytes_ = 0;       // their sum
  int64_t total_bytes_ = 0;
  int open_index_ = -1;
  std::unique_ptr<common::File> open_;
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_PARTIAL_CHECKPOINT_H_
