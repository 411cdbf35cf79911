// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FAILURE_FAILED_STEP_FOLDER_H_
#define COHORT_LEARNER_FAILURE_FAILED_STEP_FOLDER_H_

// Torch-free.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file_system.h"
#include "learner/failure/failed_step.h"
#include "learner/step_payload.h"

namespace cohort::learner {

// Failed steps of all ranks and versions from which on a job keeps no more; the first ones stay. Ranks that fail
// together do not count each other.
inline constexpr int kMaxFailedSteps = 8;

// "version-00000012-rank-0".
std::string FailedStepName(int64_t policy_version, int rank);

// Fills a folder that is given to it, each file durable when it returns.
using WeightWriter = std::function<absl::Status(const std::string& directory)>;

// Writes `parent`/<name>, which appears whole or not at all, and returns its path: failure.json (message, counters,
// statistics), step.log (framed as a segment's records: the RecordedRun, then what GetStep answered),
// tokens.safetensors (the numbers, if there are any), and model/, which `write_weights` fills unless it is null. A
// folder of that name that is there is kept as it is: its path where it tells of the same failure, else ALREADY_EXISTS.
// RESOURCE_EXHAUSTED: the disk is full, or enough are kept; nothing of this one is left.
absl::StatusOr<std::string> WriteFailedStep(std::string_view parent, const FailedStep& step,
                                            const WeightWriter& write_weights,
                                            common::FileSystem* files = common::RealFileSystem());

// NOT_FOUND: no such folder. DATA_LOSS names the file that is missing or cannot be read, or whose payload is not the
// rank's share of the plan.
absl::StatusOr<FailedStep> ReadFailedStep(std::string_view directory);

// Leaves what training reads of a payload, and frees texts, scores and times, which are larger.
void StripToTrainedPart(StepPayload* payload);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FAILURE_FAILED_STEP_FOLDER_H_
