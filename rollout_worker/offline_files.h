// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_OFFLINE_FILES_H_
#define COHORT_ROLLOUT_WORKER_OFFLINE_FILES_H_

// Torch-free: the input files of the offline commands. Rows are counted from 1, as editors count lines.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::rollout_worker {

// Field "prompt" of every row of a JSONL file. INVALID_ARGUMENT names file, row and field.
absl::StatusOr<std::vector<std::string>> ReadPrompts(std::string_view path);

// Field "token_ids" of every row: two or more ids each.
absl::StatusOr<std::vector<std::vector<int32_t>>> ReadTokenIds(std::string_view path);

// INVALID_ARGUMENT when `path` is a folder, or its folder is missing or not writable: said before work is done for it.
absl::Status CheckOutputPath(std::string_view path);

// "<path> row <row>: <message>" with the code of `status`.
absl::Status InRow(std::string_view path, size_t index, const absl::Status& status);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_OFFLINE_FILES_H_
