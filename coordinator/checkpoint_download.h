// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CHECKPOINT_DOWNLOAD_H_
#define COHORT_COORDINATOR_CHECKPOINT_DOWNLOAD_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "cohort/v1/job_service.pb.h"
#include "common/file_system.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// Where checkpoints are. The pointers outlive the download.
struct CheckpointSource {
  JobStore* store = nullptr;
  common::FileSystem* files = nullptr;
  std::string checkpoint_root;  // of run folders
};

// Takes a part of a download; false when nobody takes any more.
using DownloadSink = std::function<bool(const cohort::v1::DownloadCheckpointResponse&)>;

// JobService.DownloadCheckpoint: writes the list of files, then what they hold. Reads what the manifest names in the
// job's own checkpoint folder, and follows no links. NOT_FOUND: no such checkpoint, or it was removed, also in the
// middle; DATA_LOSS: it is not what its manifest says; CANCELLED when the sink takes no more; INVALID_ARGUMENT by
// field. Thread-safe, as the store is.
absl::Status DownloadCheckpoint(const CheckpointSource& source, const cohort::v1::DownloadCheckpointRequest& request,
                                const DownloadSink& write);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CHECKPOINT_DOWNLOAD_H_
