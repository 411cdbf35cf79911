// SPDX-License-Identifier: Apache-2.0
#include "cli/partial_checkpoint.h"

#include <google/protobuf/util/message_differencer.h>

#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/grpc_limits.h"
#include "common/plain_file_name.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace cohort::cli {
namespace {

using common::FileSystem;
using google::protobuf::util::MessageDifferencer;

constexpr size_t kMaxShownBytes = 64;
// No file system has room for more.
constexpr int64_t kMaxBytes = int64_t{1} << 60;

absl::Status CheckListing(const cohort::v1::CheckpointListing& listing) {
  std::set<std::string> names;
  int64_t total_bytes = 0;
  for (const cohort::v1::CheckpointFile& file : listing.files()) {
    const std::string shown = common::Printable(file.name(), kMaxShownBytes);
    if (!common::IsPlainFileName(file.name())) {
      return absl::DataLossError(absl::StrCat("the server sends a file that is not one of a folder (", shown, ")"));
    }
    if (!names.insert(file.name()).second) {
      return absl::DataLossError(absl::StrCat("the server sends a file twice (", shown, ")"));
    }
    if (file.size_bytes() < 0 || file.size_bytes() > kMaxBytes - total_bytes) {
      return absl::DataLossError(absl::StrCat(shown, ": has an impossible size (", file.size_bytes(), ")"));
    }
    total_bytes += file.size_bytes();
  }
  return listing.files().empty() ? absl::DataLossError("the server sends a checkpoint without files")
                                 : absl::OkStatus();
}

absl::StatusOr<std::string> DigestOf(const common::File& file, int64_t size_bytes) {
  common::Sha256 digest;
  std::string buffer(common::kGrpcPartBytes, '\0');
  for (int64_t offset = 0; offset < size_bytes;) {
    COHORT_ASSIGN_OR_RETURN(const int64_t num_read,
                            file.Read(buffer.data(), static_cast<int64_t>(buffer.size()), offset));
    if (num_read == 0) break;
    digest.Update(buffer.data(), static_cast<size_t>(num_read));
    offset += num_read;
  }
  return common::HexOf(digest.Finish());
}

}  // namespace

absl::StatusOr<std::unique_ptr<PartialCheckpoint>> PartialCheckpoint::Open(FileSystem* files,
                                                                           const std::string& folder) {
  COHORT_RETURN_IF_ERROR(files->MakeFolders(folder));
  return std::unique_ptr<PartialCheckpoint>(new PartialCheckpoint(files, folder));
}

absl::StatusOr<std::vector<cohort::v1::HeldFile>> PartialCheckpoint::Held() const {
  COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_->List(folder_));
  std::vector<cohort::v1::HeldFile> held;
  for (const std::string& name : names) {
    if (!files_->IsFile(PathOf(name))) continue;
    COHORT_ASSIGN_OR_RETURN(const auto file, files_->Open(PathOf(name), FileSystem::Mode::kRead));
    COHORT_ASSIGN_OR_RETURN(const int64_t size_bytes, file->SizeBytes());
    held.emplace_back().set_name(name);
    held.back().set_num_bytes(size_bytes);
  }
  return held;
}

absl::Status PartialCheckpoint::Begin(const cohort::v1::CheckpointListing& listing) {
  COHORT_RETURN_IF_ERROR(CheckListing(listing));
  if (!listing_.files().empty() && !MessageDifferencer::Equals(listing, listing_)) {
    return absl::AbortedError(
        absl::StrCat("the checkpoint was replaced while it was downloaded (", listing_.name(), ")"));
  }
  listing_ = listing;
  sizes_.clear();
  num_bytes_ = total_bytes_ = 0;
  open_.reset();
  open_index_ = -1;
  std::set<std::string> names;
  for (const cohort::v1::CheckpointFile& file : listing_.files()) names.insert(file.name());
  COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> there, files_->List(folder_));
  for (const std::string& name : there) {
    if (!names.contains(name)) COHORT_RETURN_IF_ERROR(common::RemoveTree(files_, PathOf(name)));
  }
  for (const cohort::v1::CheckpointFile& file : listing_.files()) COHORT_RETURN_IF_ERROR(BeginFile(file));
  return absl::OkStatus();
}

absl::Status PartialCheckpoint::BeginFile(const cohort::v1::CheckpointFile& listed) {
  COHORT_ASSIGN_OR_RETURN(const auto file, files_->Open(PathOf(listed.name()), FileSystem::Mode::kCreate));
  COHORT_ASSIGN_OR_RETURN(int64_t size_bytes, file->SizeBytes());
  if (size_bytes > listed.size_bytes()) {
    COHORT_RETURN_IF_ERROR(file->Truncate(0));
    size_bytes = 0;
  }
  sizes_.push_back(size_bytes);
  num_bytes_ += size_bytes;
  total_bytes_ += listed.size_bytes();
  return absl::OkStatus();
}

absl::Status PartialCheckpoint::Take(const cohort::v1::FileChunk& chunk) {
  const int index = chunk.file();
  if (index < 0 || index >= listing_.files_size()) {
    return absl::DataLossError(absl::StrCat("the server sends a piece of no file that it listed (", index, ")"));
  }
  const cohort::v1::CheckpointFile& listed = listing_.files(index);
  const int64_t num_bytes = static_cast<int64_t>(chunk.data().size());
  if (chunk.offset() != sizes_[index] || num_bytes == 0 || num_bytes > listed.size_bytes() - sizes_[index]) {
    return absl::DataLossError(absl::StrCat(listed.name(), ": the server sends a piece that does not fit (", num_bytes,
                                            " bytes at ", chunk.offset(), " instead of ", sizes_[index], ")"));
  }
  if (index != open_index_) {
    COHORT_ASSIGN_OR_RETURN(open_, files_->Open(PathOf(listed.name()), FileSystem::Mode::kUpdate));
    open_index_ = index;
  }
  COHORT_RETURN_IF_ERROR(open_->Write(chunk.data(), chunk.offset()));
  sizes_[index] += num_bytes;
  num_bytes_ += num_bytes;
  return absl::OkStatus();
}

absl::Status PartialCheckpoint::CheckFile(const cohort::v1::CheckpointFile& listed, int64_t* size_bytes) {
  if (*size_bytes < listed.size_bytes()) {
    return absl::UnavailableError(absl::StrCat(listed.name(), ": the server ended before it was whole"));
  }
  COHORT_ASSIGN_OR_RETURN(const auto file, files_->Open(PathOf(listed.name()), FileSystem::Mode::kUpdate));
  COHORT_RETURN_IF_ERROR(file->Sync());
  COHORT_ASSIGN_OR_RETURN(const std::string sha256, DigestOf(*file, listed.size_bytes()));
  if (sha256 == listed.sha256()) return absl::OkStatus();
  COHORT_RETURN_IF_ERROR(file->Truncate(0));
  num_bytes_ -= *size_bytes;
  *size_bytes = 0;
  return absl::DataLossError(absl::StrCat(listed.name(), ": the checksum differs from the checkpoint's manifest (",
                                          sha256, " instead of ", common::Printable(listed.sha256(), kMaxShownBytes),
                                          ")"));
}

absl::Status PartialCheckpoint::Finish() {
  open_.reset();
  open_index_ = -1;
  absl::Status first;
  for (int i = 0; i < listing_.files_size(); ++i) {
    const absl::Status checked = CheckFile(listing_.files(i), &sizes_[i]);
    if (!checked.ok() && !absl::IsDataLoss(checked)) return checked;
    if (first.ok()) first = checked;
  }
  return first;
}

absl::Status PartialCheckpoint::MoveTo(const std::string& target) {
  COHORT_RETURN_IF_ERROR(files_->SyncFolder(folder_));
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, error))) {
    return absl::AlreadyExistsError(absl::StrCat(target, ": is there already"));
  }
  COHORT_RETURN_IF_ERROR(files_->Rename(folder_, target));
  const std::string above = std::filesystem::path(target).parent_path().string();
  return files_->SyncFolder(above.empty() ? "." : above);
}

absl::Status PartialCheckpoint::Remove() {
  open_.reset();
  open_index_ = -1;
  return common::RemoveTree(files_, folder_);
}

}  // namespace cohort::cli
