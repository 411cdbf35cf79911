// SPDX-License-Identifier: Apache-2.0
#include "model/weights/safetensors_writer.h"

#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/weights/safetensors_header.h"

namespace cohort::model {
namespace {

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

absl::Status WriteTensor(const TensorToWrite& tensor, int64_t size_bytes, const std::string& path, common::File* file,
                         int64_t* offset_bytes) {
  int64_t written_bytes = 0;
  while (written_bytes < size_bytes) {
    const std::string_view piece = tensor.bytes();
    const auto piece_bytes = static_cast<int64_t>(piece.size());
    if (piece_bytes == 0 || piece_bytes > size_bytes - written_bytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor ", tensor.name, ": has ",
                                                     written_bytes + piece_bytes, " bytes, dtype and shape need ",
                                                     size_bytes));
    }
    COHORT_RETURN_IF_ERROR(file->Write(piece, *offset_bytes));
    written_bytes += piece_bytes;
    *offset_bytes += piece_bytes;
  }
  return absl::OkStatus();
}

absl::Status WriteStream(const std::vector<TensorToWrite>& tensors, const std::string& path, common::File* file) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<SafetensorsEntry> entries, EntriesOf(tensors, path));
  const std::string header = EncodeSafetensorsHeader(entries);
  COHORT_RETURN_IF_ERROR(file->Write(header, 0));
  auto offset_bytes = static_cast<int64_t>(header.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    COHORT_RETURN_IF_ERROR(WriteTensor(tensors[i], entries[i].size_bytes, path, file, &offset_bytes));
  }
  return file->Sync();
}

absl::Status WritePartial(const std::vector<TensorToWrite>& tensors, const std::string& partial,
                          common::FileSystem* files) {
  COHORT_ASSIGN_OR_RETURN(const auto file, files->Open(partial, common::FileSystem::Mode::kReplace));
  return WriteStream(tensors, partial, file.get());
}

}  // namespace

absl::Status WriteSafetensors(std::string_view path, const std::vector<TensorToWrite>& tensors,
                              common::FileSystem* files) {
  const std::string target(path);
  const std::string partial = absl::StrCat(target, ".partial-", getpid());
  absl::Status status = WritePartial(tensors, partial, files);
  if (status.ok()) status = files->Rename(partial, target);
  if (!status.ok()) {
    (void)files->Remove(partial);  // the first error is the one to report
    return status;
  }
  const size_t slash = target.rfind('/');
  return files->SyncFolder(slash == std::string::npos ? "." : slash == 0 ? "/" : target.substr(0, slash));
}

}  // namespace cohort::model
