// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_FILES_H_
#define COHORT_COMMON_FILES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::common {

// The whole file. NOT_FOUND or the errno's code, with the path.
absl::StatusOr<std::string> ReadFile(std::string_view path);

// Writes beside the target, fsyncs file and folder, renames: readers see the old bytes or the new, never a mixture. On
// failure (a full disk, say) the target is untouched and the temporary file is gone.
absl::Status WriteFileAtomically(std::string_view path, std::string_view content);

// fsync of a folder, so that a rename in it survives power loss.
absl::Status SyncDirectory(std::string_view path);

// `path` if absolute, else root/path; INVALID_ARGUMENT when a relative path leaves the root by "..".
absl::StatusOr<std::string> ResolvePath(std::string_view root, std::string_view path);

}  // namespace cohort::common

#endif  // COHORT_COMMON_FILES_H_
