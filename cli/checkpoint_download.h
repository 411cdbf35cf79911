// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_CHECKPOINT_DOWNLOAD_H_
#define COHORT_CLI_CHECKPOINT_DOWNLOAD_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/job_client.h"
#include "common/file_system.h"

namespace cohort::cli {

// What is to be downloaded, and where to.
struct CheckpointDownload {
  std::string name;  // as in GetCheckpointRequest
  bool for_inference = false;
  std::string target;  // a folder that is not there
  // How long a coordinator may be away.
  absl::Duration patience;
  // Bytes that are there, and that there will be; after every piece.
  std::function<void(int64_t num_bytes, int64_t total_bytes)> on_progress;
};

// Makes `target` a copy of a sealed checkpoint, verified and durable, or leaves it away. What has come stays beside it
// (docs/cli.md, "download") for the next call when the coordinator cannot be reached any more or the disk is full, and
// is removed when it is of no use: NOT_FOUND, the checkpoint is gone; DATA_LOSS, a file is damaged. ALREADY_EXISTS: the
// target is there.
absl::Status DownloadCheckpoint(JobClient* client, const CheckpointDownload& download,
                                common::FileSystem* files = common::RealFileSystem());

}  // namespace cohort::cli

#endif  // COHORT_CLI_CHECKPOINT_DOWNLOAD_H_
