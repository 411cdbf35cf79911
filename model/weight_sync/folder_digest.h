// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_FOLDER_DIGEST_H_
#define COHORT_MODEL_WEIGHT_SYNC_FOLDER_DIGEST_H_

// Torch-free.
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace cohort::model {

// Memory for values that FolderDigest takes, however large the model is.
inline constexpr int64_t kFolderDigestBytes = 4 << 20;

// The digest (manifest_digest.h), 32 raw bytes, of a Hugging Face folder's weights as whoever loads it has them: every
// parameter that its config.json asks for as fp32, in the architecture's order. Reads each parameter once, on the
// calling thread; a stored copy of a tied embedding is compared with it first. NOT_FOUND, UNIMPLEMENTED,
// INVALID_ARGUMENT or DATA_LOSS name the file, and the tensor where one is to blame; CANCELLED when `is_stopped`,
// unless it is null, says so before a piece of kFolderDigestBytes. Thread-safe.
absl::StatusOr<std::string> FolderDigest(const std::string& directory,
                                         const std::function<bool()>& is_stopped = nullptr);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_FOLDER_DIGEST_H_
