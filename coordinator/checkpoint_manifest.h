// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CHECKPOINT_MANIFEST_H_
#define COHORT_COORDINATOR_CHECKPOINT_MANIFEST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file_system.h"

namespace cohort::coordinator {

inline constexpr char kManifestFile[] = "manifest.json";

// A file of a sealed checkpoint.
struct ManifestFile {
  std::string name;  // a plain one
  int64_t size_bytes = 0;
  std::string sha256;  // 64 hex digits, or empty when the manifest has none
};

// What the ranks say of a sealed checkpoint (docs/checkpoints.md, "Sealed folders").
struct CheckpointManifest {
  int64_t policy_version = 0;
  std::string weight_digest;  // that of CommitStep, lower-case hex
  std::vector<ManifestFile> files;
  std::string text;  // of the file itself
};

// Opens a file of a checkpoint to be read. NOT_FOUND; DATA_LOSS: it is a link or something else than a file, of which
// some would keep whoever opens them waiting.
absl::StatusOr<std::unique_ptr<common::File>> OpenCheckpointFile(common::FileSystem* files, const std::string& path);

// The manifest in a folder; the files are not looked at. NOT_FOUND: there is none; DATA_LOSS: it is no manifest, or
// names a file twice, itself, or one outside of the folder. The learner reads it by itself (learner/checkpoint), for
// neither room knows the other.
absl::StatusOr<CheckpointManifest> ReadCheckpointManifest(common::FileSystem* files, const std::string& folder);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CHECKPOINT_MANIFEST_H_
