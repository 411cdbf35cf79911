// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ATTENTION_BATCH_FIXTURE_H_
#define COHORT_KERNELS_ATTENTION_BATCH_FIXTURE_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/attention.h"
#include "kernels/random_floats.h"

namespace cohort::kernels {

// Packed sequences with random q, k, v and output gradient.
struct AttentionBatch {
  AttentionShape shape;
  std::vector<int32_t> cu_seqlens{0};
  std::vector<int32_t> prefixes;  // empty: none
  std::vector<float> q, k, v, grad_out;

  AttentionBatch(int64_t heads, int64_t kv_heads, int64_t head_dim, const std::vector<int32_t>& lengths,
                 int64_t window = 0, const std::vector<int32_t>& prefixes_of_sequences = {})
      : shape{heads, kv_heads, head_dim, 1.0f / std::sqrt(static_cast<float>(head_dim)), window},
        prefixes(prefixes_of_sequences) {
    for (const int32_t length : lengths) cu_seqlens.push_back(cu_seqlens.back() + length);
    q = RandomFloats(num_rows() * heads * head_dim, 1, 1.0f);
    k = RandomFloats(num_rows() * kv_heads * head_dim, 2, 1.0f);
    v = RandomFloats(num_rows() * kv_heads * head_dim, 3, 1.0f);
    grad_out = RandomFloats(static_cast<int64_t>(q.size()), 4, 1.0f);
  }

  int64_t num_rows() const { return cu_seqlens.back(); }
  int64_t num_sequences() const { return static_cast<int64_t>(cu_seqlens.size()) - 1; }
  PackedSequences packed() const {
    return {q.data(),          k.data(),        v.data(),
            cu_seqlens.data(), num_sequences(), prefixes.empty() ? nullptr : prefixes.data()};
  }
};

struct AttentionResult {
  std::vector<float> out, row_max, row_sum, grad_q, grad_k, grad_v;
};

inline AttentionResult EvaluateAttention(const AttentionBatch& batch, const CpuExecution& cpu) {
  const int64_t row_heads = batch.num_rows() * batch.shape.num_heads;
  AttentionResult r{std::vector<float>(batch.q.size()), std::vector<float>(row_heads),
                    std::vector<float>(row_heads),      std::vector<float>(batch.q.size()),
                    std::vector<float>(batch.k.size()), std::vector<float>(batch.v.size())};
  PackedAttentionForward(batch.shape, batch.packed(), r.out.data(), r.row_max.data(), r.row_sum.data(), cpu);
  PackedAttentionBackward(batch.shape, batch.packed(),
                          {r.out.data(), r.row_max.data(), r.row_sum.data(), batch.grad_out.data()},
                          {r.grad_q.data(), r.grad_k.data(), r.grad_v.data()}, cpu);
  return r;
}

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

inline const std::vector<int32_t> kRaggedLengths = {1, 16, 0, 17, 45, 2, 130, 15, 64};

// Prefixes of two blocks, of one and of none, beside a sequence without one.
inline const std::vector<int32_t> kPrefixedLengths = {32, 5, 1, 40, 0, 17, 16, 130, 3, 0, 20};
inline const std::vector<int32_t> kPrefixes = {-1, 0, 0, 0, 0, -1, -1, 6, 0, -1, 9};

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ATTENTION_BATCH_FIXTURE_H_
