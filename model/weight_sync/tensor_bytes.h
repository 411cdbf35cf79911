// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_TENSOR_BYTES_H_
#define COHORT_MODEL_WEIGHT_SYNC_TENSOR_BYTES_H_

#include <ATen/core/Tensor.h>

#include <string_view>

#include "absl/status/status.h"
#include "model/parameter_map.h"

namespace cohort::model {

// INVALID_ARGUMENT names a parameter that is not contiguous fp32, the only type that is synchronised.
absl::Status CheckSyncable(const ParameterMap& parameters);

// The tensor itself when it is on the CPU, else a copy there. Throws what LibTorch throws.
at::Tensor OnCpu(const at::Tensor& tensor);

// Bytes of a contiguous CPU tensor, as long as it lives.
inline std::string_view BytesOf(const at::Tensor& tensor) {
  return std::string_view(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
}

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_TENSOR_BYTES_H_
