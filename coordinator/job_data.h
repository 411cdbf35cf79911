// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_DATA_H_
#define COHORT_COORDINATOR_JOB_DATA_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "coordinator/dataset/dataset.h"
#include "coordinator/prompt_cursor.h"
#include "coordinator/rescore_source.h"

namespace cohort::coordinator {

// The version of an EVAL job's weights: those in its model folder.
inline constexpr int64_t kModelVersion = 0;

// The datasets of a job, opened, the order in which it trains on them, and what else was read for it. Each part is
// thread-safe.
struct JobData {
  std::unique_ptr<Dataset> train;          // problems or demonstrations; null for an EVAL job
  std::unique_ptr<Dataset> evaluation;     // null without evaluation
  std::unique_ptr<PromptCursor> cursor;    // with `train`
  std::unique_ptr<RescoreSource> rescore;  // null unless of a RESCORE job, whose problems are in `train`
  std::string weight_digest;               // of the model folder of an EVAL job that has none stored; else empty

  // SHA-256 of each dataset (Dataset::Digest), one after the other: what must not change while the job lives.
  std::string Digest() const;
  // Adds to a group that is to be sampled what it is about: the problem of `problem.problem_id`, its row only if it
  // `sends_rows`, and stored completions that are judged anew. The errors of Dataset::ReadProblem and
  // RescoreSource::AddStored; the group is of no use then.
  absl::Status ReadInto(bool sends_rows, cohort::v1::GroupAssignment* group) const;
};

// Of a job with a model. `spec` is resolved; the chat template of the model folder at `model_path` is read if rows have
// messages. Errors name the field path; NOT_FOUND when a file is gone.
absl::StatusOr<JobData> OpenJobData(const cohort::v1::JobSpec& spec, const DatasetRoots& roots,
                                    const std::string& model_path);

// The files of its datasets as the spec names them, for messages: "problems.jsonl, held_out.jsonl".
std::string DatasetsText(const cohort::v1::JobSpec& spec);

// FAILED_PRECONDITION names the dataset that is not what it was when `digest` was taken. Empty: not known, OK.
absl::Status CheckUnchanged(const JobData& data, const cohort::v1::JobSpec& spec, std::string_view digest);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_DATA_H_
