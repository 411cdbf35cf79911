// SPDX-License-Identifier: Apache-2.0
#include "model/weights/safetensors_reader.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model {
namespace {

constexpr int64_t kLengthBytes = 8;

}  // namespace

absl::StatusOr<std::unique_ptr<SafetensorsReader>> SafetensorsReader::Open(std::string_view path) {
  const std::string name(path);
  COHORT_ASSIGN_OR_RETURN(RegularFile file, RegularFile::Open(name));
  const int64_t file_bytes = file.size_bytes();
  if (file_bytes < kLengthBytes) {
    return absl::DataLossError(
        absl::StrCat(name, ": the file is truncated (", file_bytes, " bytes, no header length)"));
  }
  char length[kLengthBytes];
  COHORT_RETURN_IF_ERROR(file.ReadAt(0, kLengthBytes, length));
  uint64_t header_bytes = 0;
  for (int byte = kLengthBytes - 1; byte >= 0; --byte) {
    header_bytes = header_bytes << 8 | static_cast<unsigned char>(length[byte]);
  }
  if (header_bytes > static_cast<uint64_t>(kMaxSafetensorsHeaderBytes)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": header length is absurd (", header_bytes, " bytes)"));
  }
  if (header_bytes > static_cast<uint64_t>(file_bytes - kLengthBytes)) {
    return absl::DataLossError(
        absl::StrCat(name, ": the file is truncated (header of ", header_bytes, " bytes, file of ", file_bytes, ")"));
  }
  std::string header(header_bytes, '\0');
  COHORT_RETURN_IF_ERROR(file.ReadAt(kLengthBytes, static_cast<int64_t>(header_bytes), header.data()));
  std::unique_ptr<SafetensorsReader> reader(new SafetensorsReader(std::move(file)));
  reader->data_start_ = kLengthBytes + static_cast<int64_t>(header_bytes);
  COHORT_ASSIGN_OR_RETURN(reader->entries_, ParseSafetensorsHeader(header, file_bytes - reader->data_start_, name));
  return reader;
}

absl::Status SafetensorsReader::Read(const SafetensorsEntry& entry, int64_t first, int64_t count, char* bytes) const {
  return file_.ReadAt(data_start_ + entry.offset_bytes + first, count, bytes);
}

absl::StatusOr<std::string> SafetensorsReader::ReadAll(const SafetensorsEntry& entry) const {
  std::string bytes(static_cast<size_t>(entry.size_bytes), '\0');
  COHORT_RETURN_IF_ERROR(Read(entry, 0, entry.size_bytes, bytes.data()));
  return bytes;
}

}  // namespace cohort::model
