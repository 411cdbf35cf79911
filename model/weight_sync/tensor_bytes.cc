// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/tensor_bytes.h"

#include "absl/strings/str_cat.h"

namespace cohort::model {

absl::Status CheckSyncable(const ParameterMap& parameters) {
  for (const auto& [name, tensor] : parameters.entries) {
    if (!tensor.defined() || tensor.scalar_type() != at::kFloat || !tensor.is_contiguous()) {
      return absl::InvalidArgumentError(absl::StrCat("parameter ", name, ": must be a contiguous fp32 tensor"));
    }
  }
  return absl::OkStatus();
}

at::Tensor OnCpu(const at::Tensor& tensor) { return tensor.is_cpu() ? tensor : tensor.detach().to(at::kCPU); }

}  // namespace cohort::model
