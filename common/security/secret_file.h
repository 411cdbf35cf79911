// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_SECRET_FILE_H_
#define COHORT_COMMON_SECURITY_SECRET_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::security {

// What tells one content of a path from the next, without reading it: a file that is replaced, written or whose mode
// changes has another stamp.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified_nanoseconds = 0;
  int64_t changed_nanoseconds = 0;

  bool operator==(const FileStamp&) const = default;
};

// Links are followed. The errno's code, with the path.
absl::StatusOr<FileStamp> StampOf(std::string_view path);

// A file and the stamp that it had when it was read.
struct SecretFile {
  std::string content;
  FileStamp stamp;
};

// The whole file, at most 1 MiB. PERMISSION_DENIED when others than owner and group may read or write it (a secret
// volume of Kubernetes is readable by the group); INVALID_ARGUMENT when it is too large or no regular file. Errors name
// the path, and never say anything of the content.
absl::StatusOr<SecretFile> ReadSecretFile(std::string_view path);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_SECRET_FILE_H_
