// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_JOB_FILE_H_
#define COHORT_CLI_JOB_FILE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"

namespace cohort::cli {

// A job file as read from disk.
struct JobFile {
  std::string path;
  // The file's stem in the alphabet of job ids: lower case, "_" and "." become "-" ("warm_start.yaml" -> "warm-start").
  std::string job_id;
  cohort::v1::JobSpec spec;
};

// Reads YAML strictly; errors name file, line, field path and value. `seed` replaces training.seed,
// unless nothing is drawn (RESCORE).
absl::StatusOr<JobFile> LoadJobFile(std::string_view path, std::optional<int64_t> seed = std::nullopt);

// The spec of files[index] for checks before any of the files has run: a job that starts from an earlier file's job is
// checked with the model that the earlier one starts from. Other specs are returned as they are.
cohort::v1::JobSpec SpecForValidation(const std::vector<JobFile>& files, size_t index);

// Whether files[index] can be checked only after an earlier file's job has run: it rescores the rollouts of that job.
bool NeedsEarlierRun(const std::vector<JobFile>& files, size_t index);

// The server's complaint about a job file, with the file in front. What the file names and the server refuses (an
// absent folder, a truncated model, an unsupported architecture) is INVALID_ARGUMENT here: the file is at fault.
// Trouble on the way to the server and OK stay as they are.
absl::Status ForFile(const absl::Status& status, std::string_view path);

// A random UUID (version 4).
std::string RandomRequestId();
// A UUID that is a function of the job's id and spec: submitting the same file again, in another process too, is the
// same request.
std::string ContentRequestId(const JobFile& file);

}  // namespace cohort::cli

#endif  // COHORT_CLI_JOB_FILE_H_
