// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_MANIFEST_H_
#define COHORT_LEARNER_CHECKPOINT_MANIFEST_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file_system.h"

namespace cohort::learner {

inline constexpr char kManifestFile[] = "manifest.json";

struct ManifestEntry {
  std::string name;  // plain file name
  int64_t size_bytes = 0;
  std::string sha256;  // lower-case hex
};

// What a sealed checkpoint holds. Written last: a folder without one is not a checkpoint.
struct CheckpointManifest {
  int64_t policy_version = 0;
  std::string weight_digest;  // WeightManifest.digest, lower-case hex
  std::vector<ManifestEntry> files;
};

// Hashes these files of the folder. NOT_FOUND: one is not there.
absl::StatusOr<std::vector<ManifestEntry>> DescribeFiles(std::string_view directory,
                                                         const std::vector<std::string>& names,
                                                         common::FileSystem* files = common::RealFileSystem());

// Writes manifest.json, or a file of another name, durably.
absl::Status WriteManifest(std::string_view directory, const CheckpointManifest& manifest,
                           common::FileSystem* files = common::RealFileSystem(), std::string_view name = kManifestFile);

// The manifest without looking at the files. NOT_FOUND: not a checkpoint.
absl::StatusOr<CheckpointManifest> ReadManifest(std::string_view directory,
                                                common::FileSystem* files = common::RealFileSystem(),
                                                std::string_view name = kManifestFile);

// That a file is there with its size, whatever is in it. DATA_LOSS names it.
absl::Status CheckSize(std::string_view directory, const ManifestEntry& expected,
                       common::FileSystem* files = common::RealFileSystem());

// The manifest, every file of which is there with its size and checksum. DATA_LOSS names the first file that is
// missing, truncated or changed.
absl::StatusOr<CheckpointManifest> VerifyManifest(std::string_view directory,
                                                  common::FileSystem* files = common::RealFileSystem());

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_MANIFEST_H_
