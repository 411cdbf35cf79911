// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/aligned_floats.h"
#include "kernels/attention.h"
#include "kernels/attention_block.h"
#include "kernels/attention_keys.h"
#include "kernels/shared_work.h"

namespace cohort::kernels {

namespace {

// What the sequences that have a prefix add to the gradients of its keys and values. Each sequence has rows of its own
// for that, so that it waits for no other.
class PrefixGradients {
 public:
  PrefixGradients(const AttentionShape& shape, const PackedSequences& sequences)
      : shape_(shape),
        kv_row_(shape.num_kv_heads * shape.head_dim),
        sequences_(sequences),
        offsets_(sequences.num_sequences + 1, 0) {
    for (int64_t s = 0; s < sequences.num_sequences; ++s) {
      offsets_[s + 1] = offsets_[s] + RowsOf(sequences, s).prefix_tokens * kv_row_;
    }
    floats_ = AllocateAlignedFloats(2 * offsets_.back());
  }

  // Rows of the prefix of sequence s, [prefix tokens][K][H]. Uninitialised.
  float* keys(int64_t s) const { return floats_.get() + offsets_[s]; }
  float* values(int64_t s) const { return floats_.get() + offsets_.back() + offsets_[s]; }

  // Adds every block that the rows of a sequence visit, in ascending order of sequence.
  void AddTo(const PackedAttentionGradients& gradients, const CpuExecution& cpu) const {
    if (offsets_.back() == 0) return;
    ShareEqualItems(cpu, shape_.num_kv_heads, /*work=*/2 * offsets_.back(), [&](int64_t first_head, int64_t end_head) {
      for (int64_t s = 0; s < sequences_.num_sequences; ++s) {
        AddHeads(s, first_head * shape_.head_dim, end_head * shape_.head_dim, gradients);
      }
    });
  }

 private:
  // Floats [first, end) of every row.
  void AddHeads(int64_t s, int64_t first, int64_t end, const PackedAttentionGradients& gradients) const {
    const SequenceRows rows = RowsOf(sequences_, s);
    if (rows.num_rows == 0) return;  // wrote nothing
    for (int64_t t = AttentionWindow(shape_).FirstBlock(rows.prefix_tokens); t < rows.prefix_tokens; ++t) {
      const int64_t from = t * kv_row_, to = (rows.prefix_row + t) * kv_row_;
      for (int64_t i = first; i < end; ++i) gradients.k_TKH[to + i] += keys(s)[from + i];
      for (int64_t i = first; i < end; ++i) gradients.v_TKH[to + i] += values(s)[from + i];
    }
  }

  const AttentionShape shape_;
  const int64_t kv_row_;
  const PackedSequences sequences_;
  std::vector<int64_t> offsets_;
  AlignedFloats floats_;
};

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

  void Run(int64_t sequence, int64_t kv_head, const PackedAttentionGradients& gradients,
           const PrefixGradients& prefix_gradients) {
    const SequenceRows rows = RowsOf(sequences_, sequence);
    if (rows.num_rows == 0) return;
    Begin(rows.first_row, rows.num_rows, kv_head);
    const int64_t kv_row = shape_.num_kv_heads * shape_.head_dim;
    for (int64_t start = window_.FirstBlock(rows.prefix_tokens); start < rows.num_keys();
         start += kAttentionBlockTokens) {
      if (start < rows.prefix_tokens) {
        const int64_t offset = start * kv_row + kv_head * shape_.head_dim;
        RunBlock(rows, kv_head, start, prefix_gradients.keys(sequence) + offset,
                 prefix_gradients.values(sequence) + offset);
      } else {
        const int64_t offset = (rows.first_row + start - rows.prefix_tokens) * kv_row + kv_head * shape_.head_dim;
        RunBlock(rows, kv_head, start, gradients.k_TKH + offset, gradients.v_TKH + offset);
      }
    }
    for (int64_t i = 0; i < rows.num_rows * group_; ++i) {
      std::memcpy(gradients.q_TNH + RowHead(rows.first_row, kv_head, i) * shape_.head_dim, states_[i].grad_query,
                  shape_.head_dim * sizeof(float));
    }
  }

 private:
  // The block whose first key is `start`, for the rows that see it.
  void RunBlock(const SequenceRows& rows, int64_t kv_head, int64_t start, float* grad_keys, float* grad_values) {
    const int64_t first_row = std::max<int64_t>(0, start - rows.prefix_tokens);
    const int64_t end_row = std::min(rows.num_rows, window_.EndPosition(start) - rows.prefix_tokens);
    for (int64_t r = first_row; r < end_row; ++r) {
      window_.SetVisible(rows.prefix_tokens + r, start, &states_[r * group_], group_);
    }
    functions_.backward(AttentionKeys(sequences_.k_TKH, sequences_.v_TKH, rows)
                            .Block(shape_, kv_head, start, std::min(kAttentionBlockTokens, rows.num_keys() - start)),
                        scratch_.get(), states_.data() + first_row * group_, (end_row - first_row) * group_, grad_keys,
                        grad_values);
  }

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

// Multiplications and additions of each sequence, roughly.
std::vector<int64_t> WorkBySequence(const AttentionShape& shape, const PackedSequences& sequences) {
  std::vector<int64_t> work(sequences.num_sequences);
  for (int64_t s = 0; s < sequences.num_sequences; ++s) {
    const SequenceRows rows = RowsOf(sequences, s);
    const int64_t twice_keys = 2 * rows.prefix_tokens + rows.num_rows;  // of those that a row sees, on average
    work[s] = 5 * rows.num_rows * (shape.window > 0 ? std::min(twice_keys, 2 * shape.window) : twice_keys) *
              shape.num_heads * shape.head_dim;
  }
  return work;
}

std::vector<int64_t> CostliestFirst(const std::vector<int64_t>& work) {
  std::vector<int64_t> order(work.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return work[a] > work[b]; });
  return order;
}

}  // namespace

void PackedAttentionBackward(const AttentionShape& shape, const PackedSequences& sequences,
                             const PackedAttentionSaved& saved, const PackedAttentionGradients& gradients,
                             const CpuExecution& cpu) {
  const std::vector<int64_t> work = WorkBySequence(shape, sequences);
  const std::vector<int64_t> order = CostliestFirst(work);
  const int64_t num_items = sequences.num_sequences * shape.num_kv_heads;
  const PrefixGradients prefix_gradients(shape, sequences);
  ShareUnequalItems(cpu, num_items, std::accumulate(work.begin(), work.end(), int64_t{0}), [&](ItemQueue* queue) {
    BackwardPass pass(shape, sequences, saved, cpu.target);
    for (int64_t item; queue->Next(&item);) {
      pass.Run(order[item / shape.num_kv_heads], item % shape.num_kv_heads, gradients, prefix_gradients);
    }
  });
  prefix_gradients.AddTo(gradients, cpu);
}

}  // namespace cohort::kernels
