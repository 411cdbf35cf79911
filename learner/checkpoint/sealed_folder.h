// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_SEALED_FOLDER_H_
#define COHORT_LEARNER_CHECKPOINT_SEALED_FOLDER_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file_system.h"
#include "learner/checkpoint/gang_folder.h"
#include "learner/checkpoint/retention.h"

namespace cohort::learner {

// What rank 0 does. A checkpoint appears whole or not at all: `write` writes its own part into the gang's folder, the
// parts of the others are waited for, the manifest follows, the folder is renamed to `parent`/step-%06d and `parent` is
// synced. `parent` is made if absent. An existing folder of that version is kept when it is valid and holds the same
// weights, else replaced. Returns the sealed folder. On failure every other checkpoint is as it was, and the parts that
// are written stay for another try, until DiscardFolder: errors are those of WritePart and AwaitParts. A writer of a
// former gang that still runs does no harm.
absl::StatusOr<std::string> SealFolder(const GangFolder& folder, const FolderWriter& write, const PartWait& wait = {});

// Gives up what was not sealed: a rank that still writes in it fails with NOT_FOUND.
absl::Status DiscardFolder(const GangFolder& folder);

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
// aside and are older than the newest that are kept, and temporary folders, but those that ranks of this gang or of a
// later one fill for what comes after it. A writer that still fills one that goes fails with NOT_FOUND. After a crash
// in the middle each checkpoint is whole or gone.
absl::Status PruneCheckpoints(std::string_view parent, const RetentionPolicy& policy,
                              common::FileSystem* files = common::RealFileSystem());

// `parent`/step-%06d.
std::string SealedFolderPath(std::string_view parent, int64_t policy_version);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_SEALED_FOLDER_H_
