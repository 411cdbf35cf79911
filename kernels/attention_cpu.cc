// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/aligned_floats.h"
#include "kernels/attention.h"
#include "kernels/attention_block.h"

namespace cohort::kernels {

const AttentionBlockFunctions& GetAttentionBlockFunctions(CpuTarget target) {
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kAttentionBlock;
    case CpuTarget::kAvx2:
      return avx2::kAttentionBlock;
    case CpuTarget::kBaseline:
      break;
  }
  return baseline::kAttentionBlock;
}

namespace {

constexpr int64_t kBlock = kAttentionBlockTokens;
// Query states of one pass over the keys: few enough to stay in the first-level cache.
constexpr int64_t kTileStates = 64;

int64_t PaddedDim(int64_t head_dim) { return (head_dim + 15) / 16 * 16; }

// Which keys the row at a position sees.
class Window {
 public:
  explicit Window(const AttentionShape& shape) : size_(shape.window > 0 ? shape.window : kUnbounded) {}

  int64_t FirstKey(int64_t position) const { return std::max<int64_t>(0, position - size_ + 1); }
  // Behind the last position that sees a key of the block which starts at key `start`.
  int64_t EndPosition(int64_t start) const { return start + kBlock - 1 + size_; }

  // Sets which tokens of that block the states of one row see.
  template <typename State>
  void SetVisible(int64_t position, int64_t start, State* states, int64_t num_states) const {
    for (int64_t i = 0; i < num_states; ++i) {
      states[i].visible_begin = std::max<int64_t>(0, FirstKey(position) - start);
      states[i].visible_end = std::min(kBlock, position + 1 - start);
    }
  }

 private:
  static constexpr int64_t kUnbounded = int64_t{1} << 62;
  int64_t size_;
};

// Where the keys of one sequence lie.
class KeyValueSource {
 public:
  // Contiguous rows starting at the sequence's first token.
  KeyValueSource(const float* keys, const float* values) : keys_(keys), values_(values) {}
  KeyValueSource(const float* keys, const float* values, const int32_t* block_table)
      : keys_(keys), values_(values), block_table_(block_table) {}

  AttentionBlock Block(const AttentionShape& shape, int64_t kv_head, int64_t index, int64_t num_tokens) const {
    const int64_t row = shape.num_kv_heads * shape.head_dim;
    const int64_t place = block_table_ == nullptr ? index : block_table_[index];
    const int64_t offset = place * kBlock * row + kv_head * shape.head_dim;
    return {keys_ + offset, values_ + offset, row, num_tokens, shape.head_dim, shape.scale};
  }

 private:
  const float* keys_;
  const float* values_;
  const int32_t* block_table_ = nullptr;
};

// Consecutive rows of one sequence.
struct RowRun {
  int64_t first_row;
  int64_t num_rows;
  int64_t first_position;
};

struct ForwardOutputs {
  float* out_TNH;
  float* row_max_TN;
  float* row_sum_TN;
};

// Forward pass of runs of rows, tile by tile. Holds the scratch of one call.
class ForwardPass {
 public:
  ForwardPass(const AttentionShape& shape, const float* q_TNH, const ForwardOutputs& outputs, CpuTarget target)
      : shape_(shape),
        group_(shape.num_heads / shape.num_kv_heads),
        padded_(PaddedDim(shape.head_dim)),
        tile_rows_(std::max<int64_t>(1, kTileStates / group_)),
        window_(shape),
        q_TNH_(q_TNH),
        outputs_(outputs),
        functions_(GetAttentionBlockFunctions(target)),
        states_(tile_rows_ * group_),
        accumulators_(AllocateAlignedFloats(tile_rows_ * group_ * padded_)),
        scratch_(AllocateAlignedFloats(functions_.scratch_floats(shape.head_dim))) {}

  void Run(const KeyValueSource& source, const RowRun& run) {
    for (int64_t start = 0; start < run.num_rows; start += tile_rows_) {
      const RowRun tile{run.first_row + start, std::min(tile_rows_, run.num_rows - start), run.first_position + start};
      for (int64_t kv_head = 0; kv_head < shape_.num_kv_heads; ++kv_head) Tile(source, tile, kv_head);
    }
  }

 private:
  void Tile(const KeyValueSource& source, const RowRun& tile, int64_t kv_head) {
    Begin(tile, kv_head);
    const int64_t num_tokens = tile.first_position + tile.num_rows;
    for (int64_t start = window_.FirstKey(tile.first_position) / kBlock * kBlock; start < num_tokens; start += kBlock) {
      // Rows before this block see none of it, nor do rows whose window begins behind it.
      const int64_t first_row = std::max<int64_t>(0, start - tile.first_position);
      const int64_t end_row = std::min(tile.num_rows, window_.EndPosition(start) - tile.first_position);
      for (int64_t r = first_row; r < end_row; ++r) {
        window_.SetVisible(tile.first_position + r, start, &states_[r * group_], group_);
      }
      functions_.forward(source.Block(shape_, kv_head, start / kBlock, std::min(kBlock, num_tokens - start)),
                         scratch_.get(), states_.data() + first_row * group_, (end_row - first_row) * group_);
    }
    Finish(tile, kv_head);
  }

  void Begin(const RowRun& tile, int64_t kv_head) {
    std::memset(accumulators_.get(), 0, tile.num_rows * group_ * padded_ * sizeof(float));
    for (int64_t i = 0; i < tile.num_rows * group_; ++i) {
      const int64_t row_head = (tile.first_row + i / group_) * shape_.num_heads + kv_head * group_ + i % group_;
      states_[i] = {q_TNH_ + row_head * shape_.head_dim,
                    accumulators_.get() + i * padded_,
                    -std::numeric_limits<float>::infinity(),
                    0.0f,
                    0,
                    0};
    }
  }

  void Finish(const RowRun& tile, int64_t kv_head) {
    for (int64_t i = 0; i < tile.num_rows * group_; ++i) {
      const int64_t row_head = (tile.first_row + i / group_) * shape_.num_heads + kv_head * group_ + i % group_;
      const QueryState& state = states_[i];
      float* out = outputs_.out_TNH + row_head * shape_.head_dim;
      for (int64_t h = 0; h < shape_.head_dim; ++h) out[h] = state.accumulator[h] / state.sum;
      if (outputs_.row_max_TN != nullptr) outputs_.row_max_TN[row_head] = state.max;
      if (outputs_.row_sum_TN != nullptr) outputs_.row_sum_TN[row_head] = state.sum;
    }
  }

  const AttentionShape shape_;
  const int64_t group_;
  const int64_t padded_;
  const int64_t tile_rows_;
  const Window window_;
  const float* const q_TNH_;
  const ForwardOutputs outputs_;
  const AttentionBlockFunctions& functions_;
  std::vector<QueryState> states_;
  AlignedFloats accumulators_;
  AlignedFloats scratch_;
};

// Backward pass of one (sequence, key head) at a time.
class BackwardPass {
 public:
  BackwardPass(const AttentionShape& shape, const PackedSequences& sequences, const PackedAttentionSaved& saved,
               CpuTarget target)
      : shape_(shape),
        group_(shape.num_heads / shape.num_kv_heads),
        padded_(PaddedDim(shape.head_dim)),
        window_(shape),
        sequences_(sequences),
        saved_(saved),
        functions_(GetAttentionBlockFunctions(target)),
        scratch_(AllocateAlignedFloats(functions_.scratch_floats(shape.head_dim))) {}

  void Run(int64_t sequence, int64_t kv_head, float* grad_q_TNH, float* grad_k_TKH, float* grad_v_TKH) {
    const int64_t first_row = sequences_.cu_seqlens[sequence];
    const int64_t num_rows = sequences_.cu_seqlens[sequence + 1] - first_row;
    if (num_rows == 0) return;
    Begin(first_row, num_rows, kv_head);
    const int64_t kv_row = shape_.num_kv_heads * shape_.head_dim;
    const KeyValueSource source(sequences_.k_TKH + first_row * kv_row, sequences_.v_TKH + first_row * kv_row);
    for (int64_t start = 0; start < num_rows; start += kBlock) {
      const int64_t end_row = std::min(num_rows, window_.EndPosition(start));
      for (int64_t r = start; r < end_row; ++r) window_.SetVisible(r, start, &states_[r * group_], group_);
      const int64_t offset = (first_row + start) * kv_row + kv_head * shape_.head_dim;
      functions_.backward(source.Block(shape_, kv_head, start / kBlock, std::min(kBlock, num_rows - start)),
                          scratch_.get(), states_.data() + start * group_, (end_row - start) * group_,
                          grad_k_TKH + offset, grad_v_TKH + offset);
    }
    for (int64_t i = 0; i < num_rows * group_; ++i) {
      std::memcpy(grad_q_TNH + RowHead(first_row, kv_head, i) * shape_.head_dim, states_[i].grad_query,
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
  const Window window_;
  const PackedSequences sequences_;
  const PackedAttentionSaved saved_;
  const AttentionBlockFunctions& functions_;
  std::vector<GradState> states_;
  AlignedFloats grad_queries_;
  AlignedFloats scratch_;
};

}  // namespace

void PackedAttentionForward(const AttentionShape& shape, const PackedSequences& sequences, float* out_TNH,
                            float* row_max_TN, float* row_sum_TN, CpuTarget target) {
  ForwardPass pass(shape, sequences.q_TNH, {out_TNH, row_max_TN, row_sum_TN}, target);
  const int64_t kv_row = shape.num_kv_heads * shape.head_dim;
  for (int64_t s = 0; s < sequences.num_sequences; ++s) {
    const int64_t first_row = sequences.cu_seqlens[s];
    pass.Run(KeyValueSource(sequences.k_TKH + first_row * kv_row, sequences.v_TKH + first_row * kv_row),
             {first_row, sequences.cu_seqlens[s + 1] - first_row, 0});
  }
}

void PagedAttentionForward(const AttentionShape& shape, const PagedRows& rows, float* out_TNH, CpuTarget target) {
  ForwardPass pass(shape, rows.q_TNH, {out_TNH, nullptr, nullptr}, target);
  int64_t first = 0;
  while (first < rows.num_rows) {
    int64_t end = first + 1;
    while (end < rows.num_rows && rows.sequences[end] == rows.sequences[first] &&
           rows.positions[end] == rows.positions[end - 1] + 1) {
      ++end;
    }
    pass.Run(KeyValueSource(rows.keys_BSKH, rows.values_BSKH, rows.block_tables[rows.sequences[first]]),
             {first, end - first, rows.positions[first]});
    first = end;
  }
}

void PackedAttentionBackward(const AttentionShape& shape, const PackedSequences& sequences,
                             const PackedAttentionSaved& saved, float* grad_q_TNH, float* grad_k_TKH, float* grad_v_TKH,
                             CpuTarget target) {
  BackwardPass pass(shape, sequences, saved, target);
  for (int64_t s = 0; s < sequences.num_sequences; ++s) {
    for (int64_t kv_head = 0; kv_head < shape.num_kv_heads; ++kv_head) {
      pass.Run(s, kv_head, grad_q_TNH, grad_k_TKH, grad_v_TKH);
    }
  }
}

}  // namespace cohort::kernels
