// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_PARAMETER_MAP_H_
#define COHORT_MODEL_PARAMETER_MAP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cohort::model {

// Parameters by Hugging Face name, in the order of the architecture's list; the order is part of the digest. A tied
// lm_head has no entry of its own. Not thread-safe. Tensors are shared, not copied.
struct ParameterMap {
  std::vector<std::pair<std::string, at::Tensor>> entries;

  // Undefined tensor when absent.
  at::Tensor Find(std::string_view name) const {
    for (const auto& [key, tensor] : entries) {
      if (key == name) return tensor;
    }
    return at::Tensor();
  }

  // Of all tensors together.
  int64_t NumBytes() const {
    int64_t num_bytes = 0;
    for (const auto& [name, tensor] : entries) num_bytes += static_cast<int64_t>(tensor.nbytes());
    return num_bytes;
  }
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_PARAMETER_MAP_H_
