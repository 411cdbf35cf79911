// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_DATA_UPLOAD_H_
#define COHORT_CLI_DATA_UPLOAD_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/job_file.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// Stores one local file with the coordinator.
using UploadFile = std::function<absl::StatusOr<cohort::v1::UploadDatasetResponse>(const std::string& path)>;

// Hands every file that a dataset of the job file reads (`jsonl.path`) to `upload`, once, and has the dataset read the
// uploaded one. Relative paths start from the job file's folder. Content-addressed: doing it again gives the same spec.
// An error names the field; the file is then as before.
absl::Status UploadData(const UploadFile& upload, JobFile* file);

}  // namespace cohort::cli

#endif  // COHORT_CLI_DATA_UPLOAD_H_
