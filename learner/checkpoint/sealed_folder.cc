// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/sealed_folder.h"

#include <stdlib.h>

#include <algorithm>
#include <cerrno>
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
constexpr char kDamagedPrefix[] = "damaged-";

absl::Status FileError(std::string_view what, const std::string& path, const std::error_code& error) {
  const std::string message = absl::StrCat(path, ": ", std::string(what), " (", error.message(), ")");
  if (error == std::errc::no_space_on_device) return absl::ResourceExhaustedError(message);
  return absl::InternalError(message);
}

// Also the entries of the folders that had to be made are durable then.
absl::Status MakeParent(const std::string& parent) {
  std::error_code error;
  std::vector<fs::path> made;
  for (fs::path path = parent; !path.empty() && !fs::exists(path, error); path = path.parent_path()) {
    made.push_back(path);
  }
  fs::create_directories(parent, error);
  if (error) return FileError("cannot be made", parent, error);
  for (const fs::path& path : made) {
    const std::string above = path.parent_path().string();
    COHORT_RETURN_IF_ERROR(common::SyncDirectory(above.empty() ? "." : above));
  }
  return absl::OkStatus();
}

// A folder that no other writer has: one of a former gang may still be at work on the same version.
absl::StatusOr<std::string> MakeUnsealedFolder(const std::string& parent, int64_t policy_version) {
  COHORT_RETURN_IF_ERROR(MakeParent(parent));
  std::string path = absl::StrCat(parent, "/", kUnsealedPrefix, policy_version, "-XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {
    return FileError("cannot be made", path, std::error_code(errno, std::generic_category()));
  }
  std::error_code error;
  const fs::perms permissions = fs::status(parent, error).permissions();
  if (!error) fs::permissions(path, permissions, error);  // mkdtemp's are for this user alone
  if (error) return FileError("permissions cannot be set", path, error);
  return path;
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

bool IsSealedWith(const std::string& sealed, std::string_view weight_digest) {
  const absl::StatusOr<CheckpointManifest> manifest = VerifyManifest(sealed);
  return manifest.ok() && manifest->weight_digest == common::HexOf(weight_digest);
}

// What stands at `sealed` is moved out of the way first, for rename cannot replace a folder that is not empty; unless
// somebody has sealed the same meanwhile.
absl::Status MoveIntoPlace(const std::string& unsealed, const std::string& sealed, std::string_view weight_digest) {
  std::error_code error;
  if (fs::exists(sealed, error)) {
    const bool is_same = IsSealedWith(sealed, weight_digest);
    const std::string surplus = is_same ? unsealed : unsealed + "-replaced";
    if (!is_same) fs::rename(sealed, surplus, error);
    if (!error) fs::remove_all(surplus, error);
    if (error) return FileError("cannot be replaced", sealed, error);
    if (is_same) return absl::OkStatus();
  }
  fs::rename(unsealed, sealed, error);
  if (error) return FileError("cannot be renamed", unsealed, error);
  return absl::OkStatus();
}

// Version in the name of a sealed folder; negative for anything else.
int64_t VersionOf(const std::string& name) {
  int64_t version = -1;
  const size_t prefix_length = sizeof(kSealedPrefix) - 1;
  if (name.rfind(kSealedPrefix, 0) != 0 || !absl::SimpleAtoi(name.substr(prefix_length), &version)) return -1;
  return version;
}

// The same of one that was set aside: damaged-step-000012, damaged-step-000012.2.
int64_t DamagedVersionOf(const std::string& name) {
  if (name.rfind(kDamagedPrefix, 0) != 0) return -1;
  const std::string sealed = name.substr(sizeof(kDamagedPrefix) - 1);
  return VersionOf(sealed.substr(0, sealed.find('.')));
}

std::vector<std::string> NamesIn(std::string_view directory, std::error_code* error) {
  std::vector<std::string> names;
  for (fs::directory_iterator it(directory, *error), end; !*error && it != end; it.increment(*error)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

}  // namespace

std::string SealedFolderPath(std::string_view parent, int64_t policy_version) {
  return absl::StrFormat("%s/%s%06d", std::string(parent), kSealedPrefix, policy_version);
}

absl::StatusOr<std::string> SealFolder(std::string_view parent_view, int64_t policy_version,
                                       std::string_view weight_digest, const FolderWriter& write) {
  const std::string parent(parent_view);
  const std::string sealed = SealedFolderPath(parent, policy_version);
  if (IsSealedWith(sealed, weight_digest)) {
    // Its writer may have died between rename and sync.
    COHORT_RETURN_IF_ERROR(common::SyncDirectory(parent));
    return sealed;
  }
  COHORT_ASSIGN_OR_RETURN(const std::string unsealed, MakeUnsealedFolder(parent, policy_version));
  absl::Status status = WriteWholeFolder(unsealed, policy_version, weight_digest, write);
  if (status.ok()) status = MoveIntoPlace(unsealed, sealed, weight_digest);
  if (!status.ok()) {
    std::error_code ignored;  // the first error is the one to report
    fs::remove_all(unsealed, ignored);
    return status;
  }
  COHORT_RETURN_IF_ERROR(common::SyncDirectory(parent));
  return sealed;
}

std::vector<SealedFolder> ListSealedFolders(std::string_view parent) {
  std::error_code ignored;  // what cannot be listed is not there
  std::vector<SealedFolder> sealed;
  for (const std::string& name : NamesIn(parent, &ignored)) {
    if (VersionOf(name) < 0) continue;
    sealed.push_back({.policy_version = VersionOf(name), .path = absl::StrCat(std::string(parent), "/", name)});
  }
  std::sort(sealed.begin(), sealed.end(),
            [](const SealedFolder& a, const SealedFolder& b) { return a.policy_version > b.policy_version; });
  return sealed;
}

absl::StatusOr<std::string> SetAside(std::string_view directory) {
  const fs::path path(directory);
  const std::string target = (path.parent_path() / (kDamagedPrefix + path.filename().string())).string();
  std::string free = target;
  std::error_code error;
  for (int i = 2; fs::exists(free, error); ++i) free = absl::StrCat(target, ".", i);
  fs::rename(path, free, error);
  if (error) return FileError("cannot be set aside", path.string(), error);
  return free;
}

absl::Status PruneCheckpoints(std::string_view parent, int64_t keep_last, int64_t needed_version) {
  std::error_code error;
  const std::vector<std::string> names = NamesIn(parent, &error);
  if (error) return FileError("cannot be listed", std::string(parent), error);
  const std::vector<SealedFolder> sealed = ListSealedFolders(parent);
  size_t num_kept = std::min(sealed.size(), static_cast<size_t>(std::max<int64_t>(1, keep_last)));
  while (num_kept < sealed.size() && num_kept > 0 && sealed[num_kept - 1].policy_version > needed_version) ++num_kept;
  std::vector<std::string> surplus;
  for (size_t i = num_kept; i < sealed.size(); ++i) surplus.push_back(sealed[i].path);
  for (const std::string& name : names) {
    const bool is_old =
        num_kept > 0 && DamagedVersionOf(name) >= 0 && DamagedVersionOf(name) < sealed[num_kept - 1].policy_version;
    if (is_old || name.rfind(kUnsealedPrefix, 0) == 0) surplus.push_back(absl::StrCat(std::string(parent), "/", name));
  }
  for (const std::string& path : surplus) {
    fs::remove_all(path, error);
    if (error) return FileError("cannot be removed", path, error);
  }
  return absl::OkStatus();
}

}  // namespace cohort::learner
