// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_MODEL_REPORT_H_
#define COHORT_CLI_MODEL_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/output_format.h"
#include "cohort/v1/job.pb.h"
#include "model/memory_estimate.h"
#include "model/weights/model_folder.h"

namespace cohort::cli {

// What `model inspect` says about a model folder. Plain data.
struct ModelReport {
  // What a job makes of the model.
  struct JobLoad {
    int64_t world_size = 1;
    int64_t group_size = 0;       // 0: the job samples no groups
    int64_t sequence_tokens = 0;  // the most that prompt and completion may have
  };

  std::string directory;
  model::ModelFolderSummary summary;
  model::ParameterCounts counts;
  std::optional<JobLoad> job;
  model::LearnerLoad learner_load;
  model::LearnerMemory learner;
  model::WorkerLoad worker_load;
  model::WorkerMemory worker;
};

// `spec` null: no job, the defaults of one. INVALID_ARGUMENT when the job's objective or a number in it makes no sense.
absl::StatusOr<ModelReport> MakeModelReport(const std::string& directory, model::ModelFolderSummary summary,
                                            const cohort::v1::JobSpec* spec, const model::WorkerLoad& worker_load);

// kTable or kJson.
std::string FormatModelReport(const ModelReport& report, OutputFormat format);

}  // namespace cohort::cli

#endif  // COHORT_CLI_MODEL_REPORT_H_
