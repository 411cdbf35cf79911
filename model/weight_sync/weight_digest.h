// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_WEIGHT_DIGEST_H_
#define COHORT_MODEL_WEIGHT_SYNC_WEIGHT_DIGEST_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/statusor.h"
#include "cohort/v1/weights.pb.h"
#include "model/parameter_map.h"

namespace cohort::model {

// Manifest (tensor entries with checksums, offsets, total, digest) of the parameters' fp32 bytes in order. job, version
// and transport fields are left for the caller.
absl::StatusOr<cohort::v1::WeightManifest> DescribeWeights(const ParameterMap& parameters);

// The digest of that manifest, of parameters that are given one after the other. Not thread-safe.
class WeightDigest final {
 public:
  // Of contiguous fp32. Throws what LibTorch throws.
  void Add(const std::string& name, const at::Tensor& tensor);
  // 32 bytes.
  std::string Digest() const;
  // With the total and the digest.
  cohort::v1::WeightManifest Manifest() const;

 private:
  cohort::v1::WeightManifest manifest_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_WEIGHT_DIGEST_H_
