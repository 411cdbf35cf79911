// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/weight_digest.h"

#include "common/sha256.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/weight_sync/manifest_digest.h"
#include "model/weight_sync/tensor_bytes.h"

namespace cohort::model {

absl::StatusOr<cohort::v1::WeightManifest> DescribeWeights(const ParameterMap& parameters) {
  COHORT_RETURN_IF_ERROR(CheckSyncable(parameters));
  cohort::v1::WeightManifest manifest;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("weights", [&] {
    int64_t offset = 0;
    for (const auto& [name, tensor] : parameters.entries) {
      cohort::v1::TensorEntry* entry = manifest.add_tensors();
      entry->set_name(name);
      entry->set_dtype("F32");
      for (const int64_t dim : tensor.sizes()) entry->add_shape(dim);
      entry->set_offset_bytes(offset);
      entry->set_size_bytes(static_cast<int64_t>(tensor.nbytes()));
      const at::Tensor on_cpu = OnCpu(tensor);
      entry->set_sha256(common::Sha256Of(BytesOf(on_cpu)));
      offset += entry->size_bytes();
    }
    manifest.set_total_bytes(offset);
    return absl::OkStatus();
  }));
  manifest.set_digest(ManifestDigest(manifest));
  return manifest;
}

}  // namespace cohort::model
