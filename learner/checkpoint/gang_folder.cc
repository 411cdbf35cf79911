// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/gang_folder.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::learner {
namespace {

constexpr char kPrefix[] = ".tmp-";
constexpr char kGang[] = "-gang-";
constexpr char kPartPrefix[] = "part-";
constexpr absl::Duration kPoll = absl::Milliseconds(200);
// Longer than the sync of a large file, during which nothing is seen to change.
constexpr absl::Duration kPatience = absl::Minutes(10);
constexpr absl::Duration kPatienceOfAGangThatIsOver = absl::Seconds(5);

std::string PartName(int rank) { return absl::StrFormat("%s%05d.json", kPartPrefix, rank); }
std::string FailureName(int rank) { return absl::StrFormat("%s%05d.failed", kPartPrefix, rank); }

std::string PathIn(const GangFolder& folder, const std::string& name) { return absl::StrCat(folder.Path(), "/", name); }

// The part of one rank. NOT_FOUND: it has not been written yet, or is of other weights.
absl::StatusOr<CheckpointManifest> ReadPart(const GangFolder& folder, int rank) {
  COHORT_ASSIGN_OR_RETURN(CheckpointManifest part, ReadManifest(folder.Path(), folder.files, PartName(rank)));
  if (part.policy_version == folder.policy_version && part.weight_digest == common::HexOf(folder.weight_digest)) {
    return part;
  }
  return absl::NotFoundError(absl::StrCat(PathIn(folder, PartName(rank)), ": is of another state"));
}

absl::Status WriteFiles(const GangFolder& folder, const FolderWriter& write, CheckpointManifest* part) {
  COHORT_RETURN_IF_ERROR(folder.files->MakeFolders(folder.Path()));
  // Rank 0 waits again for what is tried again.
  if (folder.place.world_size > 1) (void)folder.files->Remove(PathIn(folder, FailureName(folder.place.rank)));
  std::vector<std::string> names;
  absl::Status status = write(folder.Path(), &names);
  std::sort(names.begin(), names.end());
  if (status.ok()) {
    absl::StatusOr<std::vector<ManifestEntry>> described = DescribeFiles(folder.Path(), names, folder.files);
    status = described.status();
    if (status.ok()) part->files = *std::move(described);
  }
  if (status.ok() && folder.place.world_size > 1) {
    status = WriteManifest(folder.Path(), *part, folder.files, PartName(folder.place.rank));
  }
  if (status.ok()) return status;
  // Others may need the room; the first error is the one to report.
  for (const std::string& name : names) (void)folder.files->Remove(PathIn(folder, name));
  AbandonPart(folder, status);
  return status;
}

// Names and sizes, also of files that are being written: as long as they change somebody is at work.
absl::StatusOr<std::map<std::string, int64_t>> Sizes(const GangFolder& folder) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder.files->List(folder.Path()));
  std::map<std::string, int64_t> sizes;
  for (const std::string& name : names) {
    const auto file = folder.files->Open(PathIn(folder, name), common::FileSystem::Mode::kRead);
    sizes[name] = file.ok() ? (*file)->SizeBytes().value_or(-1) : -1;  // renamed meanwhile
  }
  return sizes;
}

// Adds the parts that have come since to `parts`, by rank.
absl::Status CollectParts(const GangFolder& folder, std::map<int, CheckpointManifest>* parts) {
  for (int rank = 0; rank < folder.place.world_size; ++rank) {
    if (parts->contains(rank)) continue;
    absl::StatusOr<CheckpointManifest> part = ReadPart(folder, rank);
    if (part.ok()) {
      parts->emplace(rank, *std::move(part));
      continue;
    }
    if (!absl::IsNotFound(part.status())) return part.status();
    const absl::StatusOr<std::string> reason = common::ReadFile(folder.files, PathIn(folder, FailureName(rank)));
    if (!reason.ok()) continue;
    const std::string said = reason->empty() ? "failed, and had no room to say why" : *reason;
    return absl::UnavailableError(absl::StrCat("rank ", rank, ": ", said));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ManifestEntry>> PutTogether(const GangFolder& folder,
                                                       std::map<int, CheckpointManifest> parts) {
  std::vector<ManifestEntry> entries;
  for (auto& [rank, part] : parts) {
    for (ManifestEntry& entry : part.files) {
      COHORT_RETURN_IF_ERROR(CheckSize(folder.Path(), entry, folder.files));
      entries.push_back(std::move(entry));
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const ManifestEntry& a, const ManifestEntry& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(
      entries.begin(), entries.end(), [](const ManifestEntry& a, const ManifestEntry& b) { return a.name == b.name; });
  if (twice == entries.end()) return entries;
  return absl::DataLossError(absl::StrCat(PathIn(folder, twice->name), ": two ranks have written it"));
}

std::string RanksWithout(const std::map<int, CheckpointManifest>& parts, int world_size) {
  std::vector<int> ranks;
  for (int rank = 0; rank < world_size; ++rank) {
    if (!parts.contains(rank)) ranks.push_back(rank);
  }
  return absl::StrJoin(ranks, ", ");
}

}  // namespace

std::string GangFolder::Path() const { return absl::StrCat(parent, "/", kPrefix, policy_version, kGang, incarnation); }

std::optional<GangFolderName> ParseGangFolderName(const std::string& name) {
  GangFolderName parsed;
  if (!absl::StartsWith(name, kPrefix)) return std::nullopt;
  const std::vector<std::string> numbers = absl::StrSplit(name.substr(sizeof(kPrefix) - 1), kGang);
  if (numbers.size() != 2 || !absl::SimpleAtoi(numbers[0], &parsed.policy_version) ||
      !absl::SimpleAtoi(numbers[1], &parsed.incarnation)) {
    return std::nullopt;
  }
  return parsed;
}

absl::StatusOr<std::vector<ManifestEntry>> WritePart(const GangFolder& folder, const FolderWriter& write) {
  if (folder.place.world_size > 1) {
    absl::StatusOr<CheckpointManifest> before = ReadPart(folder, folder.place.rank);
    if (before.ok()) return std::move(before->files);
  }
  CheckpointManifest part = {
      .policy_version = folder.policy_version, .weight_digest = common::HexOf(folder.weight_digest), .files = {}};
  COHORT_RETURN_IF_ERROR(WriteFiles(folder, write, &part));
  return std::move(part.files);
}

void AbandonPart(const GangFolder& folder, const absl::Status& reason) {
  if (folder.place.world_size == 1) return;
  // A folder that rank 0 has given up is not made again.
  if (!absl::IsNotFound(reason)) (void)folder.files->MakeFolders(folder.Path());
  const std::string path = PathIn(folder, FailureName(folder.place.rank));
  if (common::WriteFileAtomically(folder.files, path, std::string(reason.message())).ok()) return;
  (void)folder.files->Open(path, common::FileSystem::Mode::kReplace);  // an empty one needs no room
}

absl::StatusOr<std::vector<ManifestEntry>> AwaitParts(const GangFolder& folder, const PartWait& wait) {
  std::map<int, CheckpointManifest> parts;
  std::map<std::string, int64_t> sizes;
  absl::Duration last_change = wait.clock->Monotonic();
  while (true) {
    COHORT_RETURN_IF_ERROR(CollectParts(folder, &parts));
    if (parts.size() == static_cast<size_t>(folder.place.world_size)) return PutTogether(folder, std::move(parts));
    COHORT_ASSIGN_OR_RETURN(auto present, Sizes(folder));
    if (present != sizes) {
      sizes = std::move(present);
      last_change = wait.clock->Monotonic();
    }
    const absl::Duration patience = wait.is_gang_over() ? kPatienceOfAGangThatIsOver : kPatience;
    if (wait.clock->Monotonic() - last_change > patience) {
      return absl::DeadlineExceededError(absl::StrCat(folder.Path(), ": nothing has come for ",
                                                      absl::FormatDuration(patience), " of rank ",
                                                      RanksWithout(parts, folder.place.world_size)));
    }
    wait.pause(kPoll);
  }
}

absl::Status RemovePartManifests(const GangFolder& folder) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder.files->List(folder.Path()));
  for (const std::string& name : names) {
    if (absl::StartsWith(name, kPartPrefix)) COHORT_RETURN_IF_ERROR(folder.files->Remove(PathIn(folder, name)));
  }
  return absl::OkStatus();
}

}  // namespace cohort::learner
