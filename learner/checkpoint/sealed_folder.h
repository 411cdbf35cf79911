// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_SEALED_FOLDER_H_
#define COHORT_LEARNER_CHECKPOINT_SEALED_FOLDER_H_

// Torch-free.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file_system.h"
#include "learner/checkpoint/retention.h"

namespace cohort::learner {

// Writes the files of a checkpoint into the folder that it is given, each durable when it returns.
using FolderWriter = std::function<absl::Status(const std::string& directory)>;

// A checkpoint appears whole or not at all: `write` fills a temporary folder of its own in `parent`, the manifest
// follows, the folder is renamed to `parent`/step-%06d and `parent` is synced. `parent` is made if absent. An existing
// folder of that version is kept when it is valid and holds the same weights, else replaced. On failure (a full disk:
// RESOURCE_EXHAUSTED) the temporary folder is gone and every other checkpoint is as it was. Returns the sealed folder.
// A writer of a former gang that still runs does no harm.
absl::StatusOr<std::string> SealFolder(std::string_view parent, int64_t policy_version, std::string_view weight_digest,
                                       const FolderWriter& write, common::FileSystem* files = common::RealFileSystem());

struct SealedFolder {
  int64_t policy_version = 0;
  std::string path;
};

// The folders in `parent` that carry the name of a sealed checkpoint, newest first, without looking into them.
std::vector<SealedFolder> ListSealedFolders(std::string_view parent,
                                            common::FileSystem* files = common::RealFileSystem());

// Renames a damaged checkpoint to damaged-step-%06d beside it, so that nobody resumes from it and somebody can look at
// it. Returns its path.
absl::StatusOr<std::string> SetAside(std::string_view directory, common::FileSystem* files = common::RealFileSystem());

// Removes the sealed checkpoints of `parent` that `policy` does not keep (retention.h), damaged ones that were set
// aside and are older than the newest that are kept, and temporary folders. A writer that still fills one fails with
// NOT_FOUND. After a crash in the middle each checkpoint is whole or gone.
absl::Status PruneCheckpoints(std::string_view parent, const RetentionPolicy& policy,
                              common::FileSystem* files = common::RealFileSystem());

// `parent`/step-%06d.
std::string SealedFolderPath(std::string_view parent, int64_t policy_version);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_SEALED_FOLDER_H_
