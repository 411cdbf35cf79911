// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SEALED_CHECKPOINTS_H_
#define COHORT_COORDINATOR_SEALED_CHECKPOINTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file_system.h"

namespace cohort::coordinator {

// A checkpoint as the ranks leave it on disk (docs/checkpoints.md, "Sealed folders").
struct SealedCheckpoint {
  int64_t version = 0;
  std::string path;
  std::string weight_digest;  // that of CommitStep, lower-case hex
};

// The folders step-NNNNNN of a job's checkpoint directory, by version. One without a manifest of its version, or with a
// file that is missing or has another size, is no checkpoint and left out; what the files hold, ranks check when they
// load it. None when the directory is not there; other errors of reading it.
absl::StatusOr<std::vector<SealedCheckpoint>> ListSealedCheckpoints(common::FileSystem* files,
                                                                    std::string_view directory);

// Renames every folder step-NNNNNN of `version` or a later one, whole or not, to damaged-step-NNNNNN beside it: nobody
// may resume from there. Durable when it is OK; after an error some are renamed, and another call does the rest. OK
// when the directory is not there.
absl::Status SetCheckpointsAside(common::FileSystem* files, const std::string& directory, int64_t version);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SEALED_CHECKPOINTS_H_
