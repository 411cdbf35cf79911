// SPDX-License-Identifier: Apache-2.0
#include "coordinator/checkpoint_download.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/grpc_limits.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "coordinator/checkpoint_manifest.h"
#include "coordinator/job_history.h"
#include "coordinator/resource_name.h"
#include "coordinator/run_folder.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

// What only training needs (learner/checkpoint): moments in one file or in shards, and counters.
bool IsTrainStateFile(const std::string& name) {
  return name == "train_state.json" || (absl::StartsWith(name, "optimizer") && absl::EndsWith(name, ".safetensors"));
}

// A rank said where the checkpoint is: nothing but a folder of the job's own is looked at.
absl::Status CheckFolder(const CheckpointSource& source, const cohort::v1::Checkpoint& checkpoint) {
  COHORT_ASSIGN_OR_RETURN(const CheckpointName name, ParseCheckpointName(checkpoint.name()));
  const std::string own = RunFolder(source.files, source.checkpoint_root, name.job).CheckpointDirectory();
  const std::filesystem::path path = std::filesystem::path(checkpoint.path()).lexically_normal();
  std::error_code error;
  const bool is_own = path.parent_path() == std::filesystem::path(own).lexically_normal() && path.has_filename() &&
                      !std::filesystem::is_symlink(path, error);
  if (is_own) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(checkpoint.name(), ": is not in the job's checkpoint folder (", checkpoint.path(), ")"));
}

// What reading `checkpoint` failed with: that it was removed goes before what was noticed of it.
absl::Status ReadFailure(const CheckpointSource& source, const cohort::v1::Checkpoint& checkpoint,
                         const absl::Status& status) {
  if (!source.files->IsFolder(checkpoint.path())) {
    return absl::NotFoundError(absl::StrCat("the checkpoint was removed (", checkpoint.name(), ")"));
  }
  if (absl::IsNotFound(status)) {
    return absl::DataLossError(absl::StrCat(checkpoint.name(), ": is damaged: ", std::string(status.message())));
  }
  return ReadTrouble("read the checkpoint", status);
}

absl::StatusOr<cohort::v1::CheckpointListing> ListFiles(const CheckpointSource& source,
                                                        const cohort::v1::Checkpoint& checkpoint, bool for_inference) {
  const auto manifest = ReadCheckpointManifest(source.files, checkpoint.path());
  if (!manifest.ok()) return ReadFailure(source, checkpoint, manifest.status());
  cohort::v1::CheckpointListing listing;
  listing.set_name(checkpoint.name());
  const auto add = [&listing](const std::string& name, int64_t size_bytes, const std::string& sha256) {
    cohort::v1::CheckpointFile& file = *listing.add_files();
    file.set_name(name);
    file.set_size_bytes(size_bytes);
    file.set_sha256(sha256);
  };
  for (const ManifestFile& file : manifest->files) {
    if (for_inference && IsTrainStateFile(file.name)) continue;
    if (file.sha256.empty()) {
      return absl::DataLossError(absl::StrCat(checkpoint.name(), ": the manifest has no SHA-256 of ", file.name));
    }
    add(file.name, file.size_bytes, file.sha256);
  }
  // Last, as it was written: what has one is whole.
  if (!for_inference) {
    add(kManifestFile, static_cast<int64_t>(manifest->text.size()), common::HexOf(common::Sha256Of(manifest->text)));
  }
  return listing;
}

absl::StatusOr<std::unique_ptr<common::File>> OpenFile(const CheckpointSource& source, const std::string& path,
                                                       int64_t size_bytes) {
  COHORT_ASSIGN_OR_RETURN(auto file, OpenCheckpointFile(source.files, path));
  COHORT_ASSIGN_OR_RETURN(const int64_t found, file->SizeBytes());
  if (found == size_bytes) return file;
  return absl::DataLossError(absl::StrCat(path, ": wrong size (", found, " bytes instead of ", size_bytes, ")"));
}

// One file from `offset` on.
absl::Status SendFile(const CheckpointSource& source, const std::string& folder,
                      const cohort::v1::CheckpointFile& listed, int index, int64_t offset, const DownloadSink& write) {
  const std::string path = absl::StrCat(folder, "/", listed.name());
  COHORT_ASSIGN_OR_RETURN(const auto file, OpenFile(source, path, listed.size_bytes()));
  cohort::v1::DownloadCheckpointResponse part;
  cohort::v1::FileChunk& chunk = *part.mutable_chunk();
  chunk.set_file(index);
  while (offset < listed.size_bytes()) {
    const int64_t wanted = std::min(common::kGrpcPartBytes, listed.size_bytes() - offset);
    chunk.set_offset(offset);
    chunk.mutable_data()->resize(wanted);
    COHORT_ASSIGN_OR_RETURN(const int64_t num_read, file->Read(chunk.mutable_data()->data(), wanted, offset));
    if (num_read < wanted) return absl::DataLossError(absl::StrCat(path, ": ends early"));
    if (!write(part)) return absl::CancelledError("the receiver hung up");
    offset += wanted;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DownloadCheckpoint(const CheckpointSource& source, const cohort::v1::DownloadCheckpointRequest& request,
                                const DownloadSink& write) {
  std::map<std::string, int64_t> held;
  for (int i = 0; i < request.held_size(); ++i) {
    if (request.held(i).num_bytes() < 0) {
      return common::InvalidField(absl::StrCat("held[", i, "].num_bytes"), absl::StrCat(request.held(i).num_bytes()),
                                  "must not be negative");
    }
    held[request.held(i).name()] = request.held(i).num_bytes();
  }
  cohort::v1::GetCheckpointRequest get;
  get.set_name(request.name());
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::Checkpoint checkpoint, GetCheckpoint(source.store, get));
  COHORT_RETURN_IF_ERROR(CheckFolder(source, checkpoint));
  cohort::v1::DownloadCheckpointResponse first;
  COHORT_ASSIGN_OR_RETURN(*first.mutable_listing(), ListFiles(source, checkpoint, request.for_inference()));
  if (!write(first)) return absl::CancelledError("the receiver hung up");
  for (int i = 0; i < first.listing().files_size(); ++i) {
    const cohort::v1::CheckpointFile& file = first.listing().files(i);
    const int64_t num_held = held[file.name()];
    // Whoever has more than there is has something else.
    const int64_t offset = num_held > file.size_bytes() ? 0 : num_held;
    if (offset == file.size_bytes()) continue;
    const absl::Status sent = SendFile(source, checkpoint.path(), file, i, offset, write);
    if (!sent.ok()) return absl::IsCancelled(sent) ? sent : ReadFailure(source, checkpoint, sent);
  }
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
