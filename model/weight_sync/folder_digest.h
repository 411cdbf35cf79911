// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_FOLDER_DIGEST_H_
#define COHORT_MODEL_WEIGHT_SYNC_FOLDER_DIGEST_H_

// Torch-free.
#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace cohort::model {

// Memory for values that FolderDigest takes, however large the model is.
inline constexpr int64_t kFolderDigestBytes = 4 << 20;

// The digest (manifest_digest.h), 32 raw bytes, of a Hugging Face folder's weights as whoever loads it has them: every
// parameter that its config.json asks for as fp32, in the architecture's order. Reads each byte once, on the calling
// thread. NOT_FOUND, UNIMPLEMENTED, INVALID_ARGUMENT or DATA_LOSS name the file, and the tensor where one is to blame;
// CANCELLED soon after `is_stopped`, unless it is null, has turned true. Thread-safe.
absl::StatusOr<std::string> FolderDigest(const std::string& directory, const std::atomic<bool>* is_stopped = nullptr);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_FOLDER_DIGEST_H_
