// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_ATTENTION_ATEN_H_
#define COHORT_KERNELS_TORCH_ATTENTION_ATEN_H_

// attention_op.h by ATen's scaled_dot_product_attention, sequence by sequence, on any device and floating dtype. Its
// softmax is in fp32 for narrower types. Arguments are those of attention_op.h, checked.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "kernels/torch/attention_options.h"

namespace cohort::kernels {

at::Tensor PackedWithAten(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<int32_t>& cu_seqlens, const AttentionOptions& options,
                          const std::vector<int32_t>& prefixes);

at::Tensor PagedWithAten(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                         const std::vector<int32_t>& positions, const std::vector<int32_t>& sequences,
                         const std::vector<std::vector<int32_t>>& block_tables, const AttentionOptions& options);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_ATTENTION_ATEN_H_
