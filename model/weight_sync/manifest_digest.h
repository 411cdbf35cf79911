// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_MANIFEST_DIGEST_H_
#define COHORT_MODEL_WEIGHT_SYNC_MANIFEST_DIGEST_H_

// Torch-free.
#include <string>

#include "absl/status/status.h"
#include "cohort/v1/weights.pb.h"

namespace cohort::model {

// The digest of a policy version: SHA-256, 32 raw bytes, over the tensors in order, each as name (length first), dtype
// (length first), number of dimensions, dimensions, and SHA-256 of its bytes; lengths and dimensions are 64-bit
// little-endian.
std::string ManifestDigest(const cohort::v1::WeightManifest& manifest);

// DATA_LOSS unless the manifest agrees with itself: sizes follow from dtype and shape, offsets leave no gap, the total
// and the digest are right. Names the tensor that is to blame.
absl::Status CheckManifest(const cohort::v1::WeightManifest& manifest);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_MANIFEST_DIGEST_H_
