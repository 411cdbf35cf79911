// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_EVALUATION_VALIDATION_H_
#define COHORT_COORDINATOR_EVALUATION_VALIDATION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// Completions of one prompt at most.
inline constexpr int32_t kMaxGroupSize = 4096;

// Each fills in defaults and names the field below the given message and the value of what is wrong. INVALID_ARGUMENT.
// Reads no file.

absl::Status ResolveSampling(cohort::v1::SamplingSpec* sampling);
// `reward` is resolved.
absl::Status CheckProblems(const cohort::v1::DatasetSpec& data, const cohort::v1::RewardSpec& reward);
// The evaluation of `job`, whose own reward, if it has one, is resolved.
absl::Status ResolveEvaluation(const cohort::v1::JobSpec& job, cohort::v1::EvaluationSpec* evaluation);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_EVALUATION_VALIDATION_H_
