// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/dataset_upload.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "coordinator/dataset/jsonl_row_reader.h"
#include "coordinator/dataset/row_index.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kShownBytes = 80;

absl::Status DiskError(const char* what) {
  return StorageTrouble("store the dataset", absl::ErrnoToStatus(errno, what));
}

// Only looked at, not kept: rows of brackets would be many times larger in memory.
bool IsJsonObject(std::string_view line) {
  const size_t first = line.find_first_not_of("\xef\xbb\xbf \t\r");  // the parser takes a byte order mark, too
  return first != std::string_view::npos && line[first] == '{' && nlohmann::json::accept(line);
}

bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

}  // namespace

DatasetUpload::DatasetUpload(UploadTarget target, std::function<void(const std::string& path)> mark_used,
                             std::function<void()> on_end)
    : target_(std::move(target)),
      mark_used_(std::move(mark_used)),
      on_end_(std::move(on_end)),
      exists_(IsThere(target_.path)) {}

DatasetUpload::~DatasetUpload() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    ::unlink(target_.partial_path.c_str());
  }
  on_end_();
}

absl::Status DatasetUpload::Append(std::string_view chunk) {
  if (num_bytes_ + static_cast<int64_t>(chunk.size()) > target_.max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the dataset is larger than this coordinator takes (--max_upload_bytes is ", target_.max_bytes,
                     "); put it where the coordinator can read it and use jsonl.path"));
  }
  if (chunk.empty()) return absl::OkStatus();
  COHORT_RETURN_IF_ERROR(CheckFirstLine(chunk, /*is_end=*/false));
  if (descriptor_ < 0) COHORT_RETURN_IF_ERROR(CreateFile());
  COHORT_RETURN_IF_ERROR(Write(chunk));
  digest_.Update(chunk);
  num_bytes_ += static_cast<int64_t>(chunk.size());
  num_rows_ += std::count(chunk.begin(), chunk.end(), '\n');
  ends_in_newline_ = chunk.back() == '\n';
  return absl::OkStatus();
}

absl::StatusOr<cohort::v1::UploadDatasetResponse> DatasetUpload::Finish() {
  cohort::v1::UploadDatasetResponse response;
  response.set_sha256(target_.sha256);
  response.set_existed(exists_);
  if (exists_) {
    mark_used_(target_.path);
    // Who uploaded it may have been told that this failed.
    COHORT_RETURN_IF_ERROR(SyncFolders());
    const auto rows = OpenJsonlRowReader(target_.path, {.digest = target_.sha256});
    if (!rows.ok()) return ReadTrouble("read the dataset", rows.status());
    std::error_code error;
    response.set_num_bytes(static_cast<int64_t>(std::filesystem::file_size(target_.path, error)));
    response.set_num_rows((*rows)->NumRows());
    return response;
  }
  const std::string digest = common::HexOf(digest_.Finish());
  if (digest != target_.sha256) {
    return common::InvalidField("sha256", target_.sha256, absl::StrCat("the content has another digest, ", digest));
  }
  if (num_bytes_ == 0) return common::InvalidField("chunk", "", "the file has no rows");
  COHORT_RETURN_IF_ERROR(CheckFirstLine("", /*is_end=*/true));
  COHORT_RETURN_IF_ERROR(MakeDurable());
  response.set_num_bytes(num_bytes_);
  response.set_num_rows(num_rows_ + (ends_in_newline_ ? 0 : 1));
  return response;
}

absl::Status DatasetUpload::CreateFile() {
  std::error_code error;
  std::filesystem::create_directories(target_.folder, error);
  descriptor_ = ::open(target_.partial_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  return descriptor_ >= 0 ? absl::OkStatus() : DiskError("cannot create the file");
}

absl::Status DatasetUpload::Write(std::string_view chunk) {
  while (!chunk.empty()) {
    const ssize_t size = ::write(descriptor_, chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return DiskError("cannot write");
    chunk.remove_prefix(size);
  }
  return absl::OkStatus();
}

absl::Status DatasetUpload::CheckFirstLine(std::string_view chunk, bool is_end) {
  if (is_first_line_checked_) return absl::OkStatus();
  const size_t newline = chunk.find('\n');
  first_line_.append(chunk.substr(0, newline));
  if (static_cast<int64_t>(first_line_.size()) > RowIndex::kMaxRowBytes) {
    return common::InvalidField("chunk", "", "the first line is longer than 16 MiB");
  }
  if (newline == std::string_view::npos && !is_end) return absl::OkStatus();
  is_first_line_checked_ = true;
  const std::string line = std::exchange(first_line_, "");
  if (IsJsonObject(line)) return absl::OkStatus();
  return common::InvalidField("chunk", common::Printable(line, kShownBytes),
                              "the first line is not a JSON object: a dataset has one per line");
}

absl::Status DatasetUpload::MakeDurable() {
  if (::fsync(descriptor_) != 0) return DiskError("cannot sync");
  mark_used_(target_.partial_path);
  if (::rename(target_.partial_path.c_str(), target_.path.c_str()) != 0) return DiskError("cannot rename");
  ::close(std::exchange(descriptor_, -1));
  return SyncFolders();
}

absl::Status DatasetUpload::SyncFolders() const {
  absl::Status synced = common::SyncDirectory(target_.folder);
  // The folder of the namespace may be younger than the last sync of the one above.
  if (synced.ok()) synced = common::SyncDirectory(std::filesystem::path(target_.folder).parent_path().string());
  return synced.ok() ? synced : StorageTrouble("store the dataset", synced);
}

}  // namespace cohort::coordinator
