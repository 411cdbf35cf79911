// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sealed_checkpoints.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/checkpoint_manifest.h"

namespace cohort::coordinator {
namespace {

constexpr char kPrefix[] = "step-";
constexpr size_t kPrefixBytes = sizeof(kPrefix) - 1;

int64_t VersionOf(const std::string& name) {
  int64_t version = -1;
  const bool is_sealed = name.rfind(kPrefix, 0) == 0 && absl::SimpleAtoi(name.substr(kPrefixBytes), &version);
  return is_sealed ? version : -1;
}

bool HasFile(common::FileSystem* files, const std::string& folder, const ManifestFile& listed) {
  const auto file = OpenCheckpointFile(files, absl::StrCat(folder, "/", listed.name));
  if (!file.ok()) return false;
  const auto size_bytes = (*file)->SizeBytes();
  return size_bytes.ok() && *size_bytes == listed.size_bytes;
}

// Nullopt: not a whole checkpoint of this version.
std::optional<SealedCheckpoint> ReadCheckpoint(common::FileSystem* files, const std::string& folder, int64_t version) {
  const auto manifest = ReadCheckpointManifest(files, folder);
  if (!manifest.ok() || manifest->policy_version != version) return std::nullopt;
  for (const ManifestFile& listed : manifest->files) {
    if (!HasFile(files, folder, listed)) return std::nullopt;
  }
  return SealedCheckpoint{.version = version, .path = folder, .weight_digest = manifest->weight_digest};
}

}  // namespace

absl::StatusOr<std::vector<SealedCheckpoint>> ListSealedCheckpoints(common::FileSystem* files,
                                                                    std::string_view directory) {
  std::vector<SealedCheckpoint> sealed;
  // Nothing was sealed in what is no folder.
  if (!files->IsFolder(directory)) return sealed;
  const auto names = files->List(directory);
  // It may come right by itself, and is no fault of the job.
  if (!names.ok()) return absl::UnavailableError(names.status().message());
  for (const std::string& name : *names) {
    if (VersionOf(name) < 0) continue;
    auto checkpoint = ReadCheckpoint(files, absl::StrCat(std::string(directory), "/", name), VersionOf(name));
    if (checkpoint.has_value()) sealed.push_back(*std::move(checkpoint));
  }
  std::sort(sealed.begin(), sealed.end(), [](const auto& a, const auto& b) { return a.version < b.version; });
  return sealed;
}

absl::Status SetCheckpointsAside(common::FileSystem* files, const std::string& directory, int64_t version) {
  const auto names = files->List(directory);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  COHORT_RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    if (VersionOf(name) < version) continue;
    const std::string target = absl::StrCat(directory, "/damaged-", name);
    std::string free = target;
    for (int i = 2; files->IsFolder(free); ++i) free = absl::StrCat(target, ".", i);
    const absl::Status renamed = files->Rename(absl::StrCat(directory, "/", name), free);
    if (!renamed.ok() && !absl::IsNotFound(renamed)) return renamed;
  }
  return files->SyncFolder(directory);
}

}  // namespace cohort::coordinator
