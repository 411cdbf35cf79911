// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/sealed_folder.h"

#include <algorithm>
#include <optional>

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

// The manifest of all parts, where they are. Once it is written it stands for them.
absl::Status WriteWholeManifest(const GangFolder& folder, const FolderWriter& write, const PartWait& wait) {
  const absl::StatusOr<CheckpointManifest> before = ReadManifest(folder.Path(), folder.files);
  CheckpointManifest manifest = {
      .policy_version = folder.policy_version, .weight_digest = common::HexOf(folder.weight_digest), .files = {}};
  if (!before.ok() || before->weight_digest != manifest.weight_digest) {
    COHORT_ASSIGN_OR_RETURN(manifest.files, WritePart(folder, write));
    if (folder.place.world_size > 1) {
      COHORT_ASSIGN_OR_RETURN(manifest.files, AwaitParts(folder, wait));
    }
    COHORT_RETURN_IF_ERROR(WriteManifest(folder.Path(), manifest, folder.files));
  }
  COHORT_RETURN_IF_ERROR(RemovePartManifests(folder));
  return folder.files->SyncFolder(folder.Path());
}

bool IsSealedWith(const std::string& sealed, std::string_view weight_digest, FileSystem* files) {
  const absl::StatusOr<CheckpointManifest> manifest = VerifyManifest(sealed, files);
  return manifest.ok() && manifest->weight_digest == common::HexOf(weight_digest);
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

// What stands at `sealed` is moved out of the way first, for rename cannot replace a folder that is not empty, and is
// removed when the new one is in place; unless somebody has sealed the same meanwhile.
absl::Status MoveIntoPlace(const std::string& parent, const std::string& unsealed, const std::string& sealed,
                           std::string_view weight_digest, FileSystem* files) {
  if (files->IsFolder(sealed)) {
    if (IsSealedWith(sealed, weight_digest, files)) {
      return RemoveFolder(parent, unsealed.substr(unsealed.rfind('/') + 1), files);
    }
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

// A temporary folder that a rank may still fill for a version that comes after what was recorded.
bool IsOfALaterVersion(const std::string& name, const RetentionPolicy& policy) {
  const std::optional<GangFolderName> folder = ParseGangFolderName(name);
  if (!folder.has_value() || folder->incarnation < policy.incarnation) return false;
  return folder->incarnation > policy.incarnation || folder->policy_version > policy.recorded_version;
}

// What other ranks have left of versions that this rank 0 has given up: it may hold the room that is missing.
void RemoveEarlierFolders(const GangFolder& folder) {
  const absl::StatusOr<std::vector<std::string>> names = folder.files->List(folder.parent);
  if (!names.ok()) return;  // nothing is there yet
  for (const std::string& name : *names) {
    const std::optional<GangFolderName> other = ParseGangFolderName(name);
    if (!other.has_value() || other->incarnation != folder.incarnation) continue;
    if (other->policy_version >= folder.policy_version) continue;
    (void)RemoveFolder(folder.parent, name, folder.files);  // pruning tries again
  }
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

absl::StatusOr<std::string> SealFolder(const GangFolder& folder, const FolderWriter& write, const PartWait& wait) {
  const std::string sealed = SealedFolderPath(folder.parent, folder.policy_version);
  RemoveEarlierFolders(folder);
  // Where others have begun to write they are waited for all the same: none is to find its folder gone. Without a
  // folder they are late, or a try before this one has moved it and only its sync failed.
  const bool is_begun = folder.place.world_size > 1 && folder.files->IsFolder(folder.Path());
  if (is_begun || !IsSealedWith(sealed, folder.weight_digest, folder.files)) {
    COHORT_RETURN_IF_ERROR(WriteWholeManifest(folder, write, wait));
    COHORT_RETURN_IF_ERROR(MoveIntoPlace(folder.parent, folder.Path(), sealed, folder.weight_digest, folder.files));
  }
  // Also where it was there: its writer may have died between rename and sync.
  COHORT_RETURN_IF_ERROR(folder.files->SyncFolder(folder.parent));
  return sealed;
}

absl::Status DiscardFolder(const GangFolder& folder) {
  const std::string path = folder.Path();
  return RemoveFolder(folder.parent, path.substr(path.rfind('/') + 1), folder.files);
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
    if (!is_surplus && !is_old && (!absl::StartsWith(name, kUnsealedPrefix) || IsOfALaterVersion(name, policy)))
      continue;
    COHORT_RETURN_IF_ERROR(RemoveFolder(parent, name, files));
  }
  return absl::OkStatus();
}

}  // namespace cohort::learner
