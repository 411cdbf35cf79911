// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_BF16_VALUES_H_
#define COHORT_MODEL_LAYERS_BF16_VALUES_H_

#include <ATen/core/Tensor.h>

namespace cohort::model {

inline bool IsBf16(const at::Tensor& tensor) { return tensor.scalar_type() == at::kBFloat16; }

// What bf16 makes of the numbers, in fp32: rounded to the nearest, ties to even, unless they are bf16 already, and then
// widened, which loses nothing.
inline at::Tensor Bf16Values(const at::Tensor& tensor) { return tensor.to(at::kBFloat16).to(at::kFloat); }

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_BF16_VALUES_H_
