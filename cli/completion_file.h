// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_COMPLETION_FILE_H_
#define COHORT_CLI_COMPLETION_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/data_spec.pb.h"
#include "cohort/v1/reward_spec.pb.h"
#include "cohort/v1/rollout.pb.h"

namespace cohort::cli {

// A rubric and which field of a row means what.
struct ScoringRules {
  cohort::v1::RewardSpec reward;
  // Its `fields`, prompt_prefix and prompt_suffix; a field that is not mapped is looked for under its own name.
  cohort::v1::DatasetSpec rows;
  // Of the reward in its file, for messages: "rlvr.reward"; empty in a file of a rubric alone.
  std::string field;
};

// Reads a rubric (a file with `verifiers` at the top: RewardSpec) or that of a job file. `part` chooses among a job's:
// "rlvr", "evaluation" or "rescore"; empty: the one that its kind trains or measures by. INVALID_ARGUMENT.
absl::StatusOr<ScoringRules> LoadScoringRules(std::string_view path, std::string_view part);

// A completion and the problem that it is for.
struct CompletionLine {
  int64_t line = 0;  // in the file, from 1
  cohort::v1::Problem problem;
  std::string completion;
};

// Every line of a JSONL file that is not blank: a row of a dataset and, in `completion_field`, a completion as text.
// INVALID_ARGUMENT names file, line and field of the first line that is no such thing.
absl::StatusOr<std::vector<CompletionLine>> ReadCompletions(std::string_view path, const ScoringRules& rules,
                                                            const std::string& completion_field);

}  // namespace cohort::cli

#endif  // COHORT_CLI_COMPLETION_FILE_H_
