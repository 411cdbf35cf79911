// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/sealed_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "learner/checkpoint/manifest.h"

namespace cohort::learner {
namespace {

namespace fs = std::filesystem;

constexpr char kSealedPrefix[] = "step-";
constexpr char kUnsealedPrefix[] = ".tmp-";

absl::Status FileError(std::string_view what, const std::string& path, const std::error_code& error) {
  const std::string message = absl::StrCat(path, ": ", std::string(what), " (", error.message(), ")");
  if (error == std::errc::no_space_on_device) return absl::ResourceExhaustedError(message);
  return absl::InternalError(message);
}

absl::Status MakeEmptyFolder(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return FileError("cannot be removed", path, error);
  fs::create_directories(path, error);
  if (error) return FileError("cannot be made", path, error);
  return absl::OkStatus();
}

absl::Status WriteWholeFolder(const std::string& directory, int64_t policy_version, std::string_view weight_digest,
                              const FolderWriter& write) {
  COHORT_RETURN_IF_ERROR(write(directory));
  CheckpointManifest manifest;
  manifest.policy_version = policy_version;
  manifest.weight_digest = common::HexOf(weight_digest);
  COHORT_ASSIGN_OR_RETURN(manifest.files, DescribeFiles(directory));
  COHORT_RETURN_IF_ERROR(WriteManifest(directory, manifest));
  return common::SyncDirectory(directory);
}

// What stood at `sealed` is moved out of the way first: rename cannot replace a folder that is not empty.
absl::Status MoveIntoPlace(const std::string& unsealed, const std::string& sealed) {
  std::error_code error;
  if (fs::exists(sealed)) {
    const std::string replaced = unsealed + "-replaced";
    fs::rename(sealed, replaced, error);
    if (!error) fs::remove_all(replaced, error);
    if (error) return FileError("cannot be replaced", sealed, error);
  }
  fs::rename(unsealed, sealed, error);
  if (error) return FileError("cannot be renamed", unsealed, error);
  return absl::OkStatus();
}

bool IsSealedWith(const std::string& sealed, std::string_view weight_digest) {
  if (!fs::exists(sealed)) return false;
  const absl::StatusOr<CheckpointManifest> manifest = VerifyManifest(sealed);
  return manifest.ok() && manifest->weight_digest == common::HexOf(weight_digest);
}

// Version in the name of a sealed folder; negative for anything else.
int64_t VersionOf(const std::string& name) {
  int64_t version = -1;
  const size_t prefix_length = sizeof(kSealedPrefix) - 1;
  if (name.rfind(kSealedPrefix, 0) != 0 || !absl::SimpleAtoi(name.substr(prefix_length), &version)) return -1;
  return version;
}

}  // namespace

std::string SealedFolderPath(std::string_view parent, int64_t policy_version) {
  return absl::StrFormat("%s/%s%06d", std::string(parent), kSealedPrefix, policy_version);
}

absl::StatusOr<std::string> SealFolder(std::string_view parent, int64_t policy_version, std::string_view weight_digest,
                                       const FolderWriter& write) {
  const std::string sealed = SealedFolderPath(parent, policy_version);
  if (IsSealedWith(sealed, weight_digest)) return sealed;
  const std::string unsealed = absl::StrCat(std::string(parent), "/", kUnsealedPrefix, policy_version);
  absl::Status status = MakeEmptyFolder(unsealed);
  if (status.ok()) status = WriteWholeFolder(unsealed, policy_version, weight_digest, write);
  if (status.ok()) status = MoveIntoPlace(unsealed, sealed);
  if (!status.ok()) {
    std::error_code ignored;  // the first error is the one to report
    fs::remove_all(unsealed, ignored);
    return status;
  }
  COHORT_RETURN_IF_ERROR(common::SyncDirectory(parent));
  return sealed;
}

absl::Status PruneCheckpoints(std::string_view parent, int64_t keep_last) {
  std::vector<std::pair<int64_t, std::string>> sealed;
  std::vector<std::string> surplus;
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.rfind(kUnsealedPrefix, 0) == 0) surplus.push_back(it->path().string());
    if (VersionOf(name) >= 0) sealed.emplace_back(VersionOf(name), it->path().string());
  }
  if (error) return FileError("cannot be listed", std::string(parent), error);
  std::sort(sealed.begin(), sealed.end());
  const int64_t num_surplus = static_cast<int64_t>(sealed.size()) - std::max<int64_t>(1, keep_last);
  for (int64_t i = 0; i < num_surplus; ++i) surplus.push_back(sealed[i].second);
  for (const std::string& path : surplus) {
    fs::remove_all(path, error);
    if (error) return FileError("cannot be removed", path, error);
  }
  return absl::OkStatus();
}

}  // namespace cohort::learner
