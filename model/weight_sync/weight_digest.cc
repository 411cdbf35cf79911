// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/weight_digest.h"

#include "common/sha256.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/weight_sync/manifest_digest.h"
#include "model/weight_sync/tensor_bytes.h"

namespace cohort::model {

void WeightDigest::Add(const std::string& name, const at::Tensor& tensor) {
  cohort::v1::TensorEntry* entry = manifest_.add_tensors();
  entry->set_name(name);
  entry->set_dtype("F32");
  for (const int64_t dim : tensor.sizes()) entry->add_shape(dim);
  entry->set_offset_bytes(manifest_.total_bytes());
  entry->set_size_bytes(static_cast<int64_t>(tensor.nbytes()));
  const at::Tensor on_cpu = OnCpu(tensor);
  entry->set_sha256(common::Sha256Of(BytesOf(on_cpu)));
  manifest_.set_total_bytes(manifest_.total_bytes() + entry->size_bytes());
}

std::string WeightDigest::Digest() const { return ManifestDigest(manifest_); }

cohort::v1::WeightManifest WeightDigest::Manifest() const {
  cohort::v1::WeightManifest manifest = manifest_;
  manifest.set_digest(Digest());
  return manifest;
}

absl::StatusOr<cohort::v1::WeightManifest> DescribeWeights(const ParameterMap& parameters) {
  COHORT_RETURN_IF_ERROR(CheckSyncable(parameters));
  WeightDigest digest;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("weights", [&] {
    for (const auto& [name, tensor] : parameters.entries) digest.Add(name, tensor);
    return absl::OkStatus();
  }));
  return digest.Manifest();
}

}  // namespace cohort::model
