// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_RESCORE_DATA_H_
#define COHORT_COORDINATOR_RESCORE_DATA_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/job_data.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// What a RESCORE job works on: the stored groups and the problems that they answer. Errors of RescoreSource::Open;
// FAILED_PRECONDITION also when the rows are not those that the other job was submitted with.
absl::StatusOr<JobData> OpenRescoreData(const CoordinatorContext& context, std::string_view name_space,
                                        const cohort::v1::RescoreSpec& spec);

// The data of a stored job of any kind, unchanged since its submit: errors of CheckUnchanged too.
absl::StatusOr<JobData> OpenDataOf(const CoordinatorContext& context, const JobRecord& record);

// The problems of `data` as the evaluation of a job that judges them by the rubric of `spec`: what preflight.h looks
// at. INVALID_ARGUMENT when the rubric compares with an answer that rows of this dataset do not have.
absl::StatusOr<cohort::v1::JobSpec> ProblemsToJudge(const JobData& data, const cohort::v1::RescoreSpec& spec);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_RESCORE_DATA_H_
