// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_ATTENTION_OP_H_
#define COHORT_KERNELS_TORCH_ATTENTION_OP_H_

// On the CPU the operators run on at::get_num_threads() threads, whose number changes no bit.
// Shapes: T rows, N query heads, K key/value heads (N a multiple of K), H head dim, B blocks, S = 16 tokens of a block.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "kernels/torch/attention_options.h"

namespace cohort::kernels {

// Causal grouped-query attention over packed sequences; out [T, N, H]. Differentiable in q, k, v. Rows at or past
// cu_seqlens.back() are padding: their output and gradients are 0. `prefixes`: per sequence the earlier one that it
// continues, of a multiple of 16 rows and without prefix itself, or -1; empty: none. fp32 on CPU runs
// kernels/attention.h, whose reduction order depends on the key position alone; so does bf16 on CPU, widened before and
// rounded behind it, and only bf16 and each head's fp32 maximum and sum are kept for the backward pass. Other devices
// run ATen sequence by sequence, with a softmax in fp32.
at::Tensor PackedCausalAttention(const at::Tensor& q_TNH, const at::Tensor& k_TKH, const at::Tensor& v_TKH,
                                 const std::vector<int32_t>& cu_seqlens, const AttentionOptions& options,
                                 const std::vector<int32_t>& prefixes = {});

// Row t attends to keys 0..positions[t] of its sequence, or the last `window` of them, found through
// block_tables[sequences[t]]; out [T, N, H]. Rows at or past positions.size() are padding and give 0. Bit-equal with
// PackedCausalAttention on CPU, with q and cache of one type. No gradients.
at::Tensor PagedAttention(const at::Tensor& q_TNH, const at::Tensor& keys_BSKH, const at::Tensor& values_BSKH,
                          const std::vector<int32_t>& positions, const std::vector<int32_t>& sequences,
                          const std::vector<std::vector<int32_t>>& block_tables, const AttentionOptions& options);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_ATTENTION_OP_H_
