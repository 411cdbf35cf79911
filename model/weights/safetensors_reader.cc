// SPDX-License-Identifier: Apache-2.0
#include "model/weights/safetensors_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model {

absl::StatusOr<std::unique_ptr<SafetensorsReader>> SafetensorsReader::Open(std::string_view path) {
  const std::string name(path);
  const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(name, ": cannot be opened"));
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(absl::StrCat(name, ": not a regular file"));
  }
  const auto file_bytes = static_cast<size_t>(status.st_size);
  if (file_bytes < 8) {
    close(fd);
    return absl::DataLossError(
        absl::StrCat(name, ": the file is truncated (", file_bytes, " bytes, no header length)"));
  }
  void* mapping = mmap(nullptr, file_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  const int map_errno = errno;
  close(fd);
  if (mapping == MAP_FAILED) return absl::ErrnoToStatus(map_errno, absl::StrCat(name, ": cannot be mapped"));

  std::unique_ptr<SafetensorsReader> reader(new SafetensorsReader(name, static_cast<const char*>(mapping), file_bytes));
  uint64_t header_bytes = 0;
  for (int byte = 7; byte >= 0; --byte) {
    header_bytes = header_bytes << 8 | static_cast<unsigned char>(reader->mapping_[byte]);
  }
  if (header_bytes > static_cast<uint64_t>(kMaxSafetensorsHeaderBytes)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": header length is absurd (", header_bytes, " bytes)"));
  }
  if (header_bytes > file_bytes - 8) {
    return absl::DataLossError(
        absl::StrCat(name, ": the file is truncated (header of ", header_bytes, " bytes, file of ", file_bytes, ")"));
  }
  reader->data_start_ = 8 + header_bytes;
  COHORT_ASSIGN_OR_RETURN(reader->entries_,
                          ParseSafetensorsHeader(std::string_view(reader->mapping_ + 8, header_bytes),
                                                 static_cast<int64_t>(file_bytes - reader->data_start_), name));
  return reader;
}

SafetensorsReader::~SafetensorsReader() { munmap(const_cast<char*>(mapping_), file_bytes_); }

std::string_view SafetensorsReader::Bytes(const SafetensorsEntry& entry) const {
  return std::string_view(mapping_ + data_start_ + entry.offset_bytes, static_cast<size_t>(entry.size_bytes));
}

}  // namespace cohort::model
