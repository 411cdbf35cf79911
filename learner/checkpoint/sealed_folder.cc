// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/sealed_folder.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "learner/checkpoint/manifest.h"

namespace cohort::learner {
namespace {

using common::FileSystem;

constexpr char kSealedPrefix[] = "step-";
constexpr char kUnsealedPrefix[] = ".tmp-";
constexpr char kDamagedPrefix[] = "damaged-";
constexpr char kRemovedSuffix[] = "-removed";

// A folder that no other writer has: one of a former gang, perhaps on another machine, may still be at work on the same
// version.
absl::StatusOr<std::string> MakeUnsealedFolder(const std::string& parent, int64_t policy_version, FileSystem* files) {
  std::random_device random;
  std::string path;
  do {
    path = absl::StrFormat("%s/%s%d-%08x%08x", parent, kUnsealedPrefix, policy_version, random(), random());
  } while (files->IsFolder(path));
  COHORT_RETURN_IF_ERROR(files->MakeFolders(path));
  return path;
}

absl::Status WriteWholeFolder(const std::string& directory, int64_t policy_version, std::string_view weight_digest,
                              const FolderWriter& write, FileSystem* files) {
  COHORT_RETURN_IF_ERROR(write(directory));
  CheckpointManifest manifest;
  manifest.policy_version = policy_version;
  manifest.weight_digest = common::HexOf(weight_digest);
  COHORT_ASSIGN_OR_RETURN(manifest.files, DescribeFiles(directory, files));
  COHORT_RETURN_IF_ERROR(WriteManifest(directory, manifest, files));
  return files->SyncFolder(directory);
}

bool IsSealedWith(const std::string& sealed, std::string_view weight_digest, FileSystem* files) {
  const absl::StatusOr<CheckpointManifest> manifest = VerifyManifest(sealed, files);
  return manifest.ok() && manifest->weight_digest == common::HexOf(weight_digest);
}

// What stands at `sealed` is moved out of the way first, for rename cannot replace a folder that is not empty, and is
// removed when the new one is in place; unless somebody has sealed the same meanwhile.
absl::Status MoveIntoPlace(const std::string& parent, const std::string& unsealed, const std::string& sealed,
                           std::string_view weight_digest, FileSystem* files) {
  if (files->IsFolder(sealed)) {
    if (IsSealedWith(sealed, weight_digest, files)) return common::RemoveTree(files, unsealed);
    const std::string replaced = unsealed + "-replaced";
    COHORT_RETURN_IF_ERROR(files->Rename(sealed, replaced));
    const absl::Status moved = files->Rename(unsealed, sealed);
    if (!moved.ok()) {
      (void)files->Rename(replaced, sealed);  // the first error is the one to report
      return moved;
    }
    COHORT_RETURN_IF_ERROR(files->SyncFolder(parent));
    (void)common::RemoveTree(files, replaced);  // the new one is in place; pruning clears what is left
    return absl::OkStatus();
  }
  return files->Rename(unsealed, sealed);
}

// First durably under a name that nobody takes for a checkpoint, for it is not gone at once, and that nobody writes to:
// a writer of a former gang finds its folder gone, and not half of it.
absl::Status RemoveFolder(const std::string& parent, const std::string& name, FileSystem* files) {
  const bool is_removed = absl::EndsWith(name, kRemovedSuffix);
  const char* prefix = absl::StartsWith(name, kUnsealedPrefix) ? "" : kUnsealedPrefix;
  const std::string removed = absl::StrCat(parent, "/", prefix, name, is_removed ? "" : kRemovedSuffix);
  if (!is_removed) {
    COHORT_RETURN_IF_ERROR(common::RemoveTree(files, removed));
    const absl::Status renamed = files->Rename(absl::StrCat(parent, "/", name), removed);
    if (absl::IsNotFound(renamed)) return absl::OkStatus();  // its writer was faster
    COHORT_RETURN_IF_ERROR(renamed);
    COHORT_RETURN_IF_ERROR(files->SyncFolder(parent));
  }
  return common::RemoveTree(files, removed);
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

}  // namespace

std::string SealedFolderPath(std::string_view parent, int64_t policy_version) {
  return absl::StrFormat("%s/%s%06d", std::string(parent), kSealedPrefix, policy_version);
}

absl::StatusOr<std::string> SealFolder(std::string_view parent_view, int64_t policy_version,
                                       std::string_view weight_digest, const FolderWriter& write, FileSystem* files) {
  const std::string parent(parent_view);
  const std::string sealed = SealedFolderPath(parent, policy_version);
  if (IsSealedWith(sealed, weight_digest, files)) {
    // Its writer may have died between rename and sync.
    COHORT_RETURN_IF_ERROR(files->SyncFolder(parent));
    return sealed;
  }
  COHORT_ASSIGN_OR_RETURN(const std::string unsealed, MakeUnsealedFolder(parent, policy_version, files));
  absl::Status status = WriteWholeFolder(unsealed, policy_version, weight_digest, write, files);
  if (status.ok()) status = MoveIntoPlace(parent, unsealed, sealed, weight_digest, files);
  if (!status.ok()) {
    (void)common::RemoveTree(files, unsealed);  // the first error is the one to report
    return status;
  }
  COHORT_RETURN_IF_ERROR(files->SyncFolder(parent));
  return sealed;
}

std::vector<SealedFolder> ListSealedFolders(std::string_view parent, FileSystem* files) {
  std::vector<SealedFolder> sealed;
  const auto names = files->List(parent);
  if (!names.ok()) return sealed;  // what cannot be listed is not there
  for (const std::string& name : *names) {
    if (VersionOf(name) < 0) continue;
    sealed.push_back({.policy_version = VersionOf(name), .path = absl::StrCat(std::string(parent), "/", name)});
  }
  std::sort(sealed.begin(), sealed.end(),
            [](const SealedFolder& a, const SealedFolder& b) { return a.policy_version > b.policy_version; });
  return sealed;
}

absl::StatusOr<std::string> SetAside(std::string_view directory, FileSystem* files) {
  const std::string path(directory);
  const size_t name = path.rfind('/') + 1;
  const std::string target = absl::StrCat(path.substr(0, name), kDamagedPrefix, path.substr(name));
  std::string free = target;
  for (int i = 2; files->IsFolder(free); ++i) free = absl::StrCat(target, ".", i);
  COHORT_RETURN_IF_ERROR(files->Rename(path, free));
  return free;
}

absl::Status PruneCheckpoints(std::string_view parent_view, const RetentionPolicy& policy, FileSystem* files) {
  const std::string parent(parent_view);
  COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(parent));
  std::vector<int64_t> versions;
  for (const SealedFolder& folder : ListSealedFolders(parent, files)) {
    if (folder.policy_version <= policy.recorded_version) versions.push_back(folder.policy_version);
  }
  const std::vector<int64_t> surplus = SurplusVersions(versions, policy);
  const RetentionPolicy newest = {.keep_last = policy.keep_last, .needed_version = policy.needed_version};
  const size_t num_newest = versions.size() - SurplusVersions(versions, newest).size();
  for (const std::string& name : names) {
    const bool is_surplus = std::find(surplus.begin(), surplus.end(), VersionOf(name)) != surplus.end();
    const bool is_old =
        num_newest > 0 && DamagedVersionOf(name) >= 0 && DamagedVersionOf(name) < versions[num_newest - 1];
    if (!is_surplus && !is_old && !absl::StartsWith(name, kUnsealedPrefix)) continue;
    COHORT_RETURN_IF_ERROR(RemoveFolder(parent, name, files));
  }
  return absl::OkStatus();
}

}  // namespace cohort::learner
