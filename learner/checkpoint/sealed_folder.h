// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_SEALED_FOLDER_H_
#define COHORT_LEARNER_CHECKPOINT_SEALED_FOLDER_H_

// Torch-free.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::learner {

// Writes the files of a checkpoint into the folder that it is given, each durable when it returns.
using FolderWriter = std::function<absl::Status(const std::string& directory)>;

// A checkpoint appears whole or not at all: `write` fills `parent`/.tmp-<version>, the manifest follows, the folder is
// renamed to `parent`/step-%06d and `parent` is synced. `parent` is made if absent. An existing folder of that version
// is kept when it is valid and holds the same weights, else replaced. On failure (a full disk: RESOURCE_EXHAUSTED) the
// temporary folder is gone and every other checkpoint is as it was. Returns the sealed folder. One caller at a time.
absl::StatusOr<std::string> SealFolder(std::string_view parent, int64_t policy_version, std::string_view weight_digest,
                                       const FolderWriter& write);

// Removes the oldest sealed checkpoints of `parent` until `keep_last` (at least 1) are left, and temporary folders of
// writers that died.
absl::Status PruneCheckpoints(std::string_view parent, int64_t keep_last);

// `parent`/step-%06d.
std::string SealedFolderPath(std::string_view parent, int64_t policy_version);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_SEALED_FOLDER_H_
