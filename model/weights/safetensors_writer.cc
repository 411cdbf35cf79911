// SPDX-License-Identifier: Apache-2.0
#include "model/weights/safetensors_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "model/weights/safetensors_header.h"

namespace cohort::model {
namespace {

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be written"));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SafetensorsEntry>> EntriesOf(const std::vector<TensorToWrite>& tensors,
                                                        const std::string& path) {
  std::vector<SafetensorsEntry> entries;
  for (const TensorToWrite& tensor : tensors) {
    SafetensorsEntry entry{tensor.name, tensor.dtype, tensor.shape, 0, TensorSizeBytes(tensor.dtype, tensor.shape)};
    if (entry.size_bytes < 0) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor ", tensor.name, ": impossible dtype or shape"));
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::Status WriteTensor(int fd, const TensorToWrite& tensor, int64_t size_bytes, const std::string& path) {
  int64_t written_bytes = 0;
  while (written_bytes < size_bytes) {
    const std::string_view piece = tensor.bytes();
    const auto piece_bytes = static_cast<int64_t>(piece.size());
    if (piece_bytes == 0 || piece_bytes > size_bytes - written_bytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor ", tensor.name, ": has ",
                                                     written_bytes + piece_bytes, " bytes, dtype and shape need ",
                                                     size_bytes));
    }
    COHORT_RETURN_IF_ERROR(WriteAll(fd, piece, path));
    written_bytes += piece_bytes;
  }
  return absl::OkStatus();
}

absl::Status WriteStream(int fd, const std::vector<TensorToWrite>& tensors, const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<SafetensorsEntry> entries, EntriesOf(tensors, path));
  COHORT_RETURN_IF_ERROR(WriteAll(fd, EncodeSafetensorsHeader(entries), path));
  for (size_t i = 0; i < tensors.size(); ++i) {
    COHORT_RETURN_IF_ERROR(WriteTensor(fd, tensors[i], entries[i].size_bytes, path));
  }
  if (fsync(fd) != 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": fsync failed"));
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteSafetensors(std::string_view path, const std::vector<TensorToWrite>& tensors) {
  const std::string target(path);
  const std::string partial = absl::StrCat(target, ".partial-", getpid());
  const int fd = open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(target, ": cannot be created"));
  absl::Status status = WriteStream(fd, tensors, target);
  if (close(fd) != 0 && status.ok()) status = absl::ErrnoToStatus(errno, absl::StrCat(target, ": close failed"));
  if (status.ok() && rename(partial.c_str(), target.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, absl::StrCat(target, ": cannot be renamed into place"));
  }
  if (!status.ok()) {
    unlink(partial.c_str());
    return status;
  }
  const size_t slash = target.rfind('/');
  return common::SyncDirectory(slash == std::string::npos ? "." : slash == 0 ? "/" : target.substr(0, slash));
}

}  // namespace cohort::model
