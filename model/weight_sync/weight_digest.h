// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_WEIGHT_DIGEST_H_
#define COHORT_MODEL_WEIGHT_SYNC_WEIGHT_DIGEST_H_

#include "absl/status/statusor.h"
#include "cohort/v1/weights.pb.h"
#include "model/parameter_map.h"

namespace cohort::model {

// Manifest (tensor entries with checksums, offsets, total, digest) of the parameters' fp32 bytes in order. job, version
// and transport fields are left for the caller.
absl::StatusOr<cohort::v1::WeightManifest> DescribeWeights(const ParameterMap& parameters);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_WEIGHT_DIGEST_H_
