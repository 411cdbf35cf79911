// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/aligned_floats.h"
#include "kernels/attention.h"
#include "kernels/attention_block.h"
#include "kernels/attention_keys.h"
#include "kernels/shared_work.h"

namespace cohort::kernels {

namespace {

// Backward pass of one (sequence, key head) at a time, which owns the gradients of its keys, values and queries. Holds
// the scratch of one thread.
class BackwardPass {
 public:
  BackwardPass(const AttentionShape& shape, const PackedSequences& sequences, const PackedAttentionSaved& saved,
               CpuTarget target)
      : shape_(shape),
        group_(shape.num_heads / shape.num_kv_heads),
        padded_(PaddedHeadDim(shape.head_dim)),
        window_(shape),
        sequences_(sequences),
        saved_(saved),
        functions_(GetAttentionBlockFunctions(target)),
        scratch_(AllocateAlignedFloats(functions_.scratch_floats(shape.head_dim))) {}

  void Run(int64_t sequence, int64_t kv_head, const PackedAttentionGradients& gradients) {
    const int64_t first_row = sequences_.cu_seqlens[sequence];
    const int64_t num_rows = sequences_.cu_seqlens[sequence + 1] - first_row;
    if (num_rows == 0) return;
    Begin(first_row, num_rows, kv_head);
    const int64_t kv_row = shape_.num_kv_heads * shape_.head_dim;
    const AttentionKeys source(sequences_.k_TKH + first_row * kv_row, sequences_.v_TKH + first_row * kv_row);
    for (int64_t start = 0; start < num_rows; start += kAttentionBlockTokens) {
      const int64_t end_row = std::min(num_rows, window_.EndPosition(start));
      for (int64_t r = start; r < end_row; ++r) window_.SetVisible(r, start, &states_[r * group_], group_);
      const int64_t offset = (first_row + start) * kv_row + kv_head * shape_.head_dim;
      functions_.backward(source.Block(shape_, kv_head, start / kAttentionBlockTokens,
                                       std::min(kAttentionBlockTokens, num_rows - start)),
                          scratch_.get(), states_.data() + start * group_, (end_row - start) * group_,
                          gradients.k_TKH + offset, gradients.v_TKH + offset);
    }
    for (int64_t i = 0; i < num_rows * group_; ++i) {
      std::memcpy(gradients.q_TNH + RowHead(first_row, kv_head, i) * shape_.head_dim, states_[i].grad_query,
                  shape_.head_dim * sizeof(float));
    }
  }

 private:
  int64_t RowHead(int64_t first_row, int64_t kv_head, int64_t i) const {
    return (first_row + i / group_) * shape_.num_heads + kv_head * group_ + i % group_;
  }

  void Begin(int64_t first_row, int64_t num_rows, int64_t kv_head) {
    const int64_t num_states = num_rows * group_;
    if (static_cast<int64_t>(states_.size()) < num_states) {
      states_.resize(num_states);
      grad_queries_ = AllocateAlignedFloats(num_states * padded_);
    }
    std::memset(grad_queries_.get(), 0, num_states * padded_ * sizeof(float));
    for (int64_t i = 0; i < num_states; ++i) {
      const int64_t row_head = RowHead(first_row, kv_head, i);
      const float* grad_out = saved_.grad_out_TNH + row_head * shape_.head_dim;
      states_[i] = {sequences_.q_TNH + row_head * shape_.head_dim,
                    grad_out,
                    grad_queries_.get() + i * padded_,
                    saved_.row_max_TN[row_head],
                    1.0f / saved_.row_sum_TN[row_head],
                    functions_.dot(saved_.out_TNH + row_head * shape_.head_dim, grad_out, shape_.head_dim),
                    0,
                    0};
    }
  }

  const AttentionShape shape_;
  const int64_t group_;
  const int64_t padded_;
  const AttentionWindow window_;
  const PackedSequences sequences_;
  const PackedAttentionSaved saved_;
  const AttentionBlockFunctions& functions_;
  std::vector<GradState> states_;
  AlignedFloats grad_queries_;
  AlignedFloats scratch_;
};

// Sequences, longest first.
std::vector<int64_t> LongestFirst(const PackedSequences& sequences) {
  const auto length = [&](int64_t s) { return sequences.cu_seqlens[s + 1] - sequences.cu_seqlens[s]; };
  std::vector<int64_t> order(sequences.num_sequences);
  for (int64_t s = 0; s < sequences.num_sequences; ++s) order[s] = s;
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
  return order;
}

// Multiplications and additions, roughly.
int64_t BackwardWork(const AttentionShape& shape, const PackedSequences& sequences) {
  int64_t visited_keys = 0;
  for (int64_t s = 0; s < sequences.num_sequences; ++s) {
    const int64_t length = sequences.cu_seqlens[s + 1] - sequences.cu_seqlens[s];
    visited_keys += length * (shape.window > 0 ? std::min(length, 2 * shape.window) : length) / 2;
  }
  return 10 * visited_keys * shape.num_heads * shape.head_dim;
}

}  // namespace

void PackedAttentionBackward(const AttentionShape& shape, const PackedSequences& sequences,
                             const PackedAttentionSaved& saved, const PackedAttentionGradients& gradients,
                             const CpuExecution& cpu) {
  const std::vector<int64_t> order = LongestFirst(sequences);
  const int64_t num_items = sequences.num_sequences * shape.num_kv_heads;
  ShareUnequalItems(cpu, num_items, BackwardWork(shape, sequences), [&](ItemQueue* queue) {
    BackwardPass pass(shape, sequences, saved, cpu.target);
    for (int64_t item; queue->Next(&item);) {
      pass.Run(order[item / shape.num_kv_heads], item % shape.num_kv_heads, gradients);
    }
  });
}

}  // namespace cohort::kernels
