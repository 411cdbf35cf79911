// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ATTENTION_KEYS_H_
#define COHORT_KERNELS_ATTENTION_KEYS_H_

// Where the keys of a sequence lie and which of them a row sees. Internal to attention_forward.cc and
// attention_backward.cc.

#include <algorithm>
#include <cstdint>

#include "kernels/attention.h"
#include "kernels/attention_block.h"

namespace cohort::kernels {

// Floats of a vector over H with the zeros that fill its last 16 lanes.
inline int64_t PaddedHeadDim(int64_t head_dim) { return (head_dim + 15) / 16 * 16; }

// Which keys the row at a position sees.
class AttentionWindow {
 public:
  explicit AttentionWindow(const AttentionShape& shape) : size_(shape.window > 0 ? shape.window : kUnbounded) {}

  int64_t FirstKey(int64_t position) const { return std::max<int64_t>(0, position - size_ + 1); }
  // First key of the first block that it visits.
  int64_t FirstBlock(int64_t position) const {
    return FirstKey(position) / kAttentionBlockTokens * kAttentionBlockTokens;
  }
  // Behind the last position that sees a key of the block which starts at key `start`.
  int64_t EndPosition(int64_t start) const { return start + kAttentionBlockTokens - 1 + size_; }

  // Sets which tokens of that block the states of one row see.
  template <typename State>
  void SetVisible(int64_t position, int64_t start, State* states, int64_t num_states) const {
    for (int64_t i = 0; i < num_states; ++i) {
      states[i].visible_begin = std::max<int64_t>(0, FirstKey(position) - start);
      states[i].visible_end = std::min(kAttentionBlockTokens, position + 1 - start);
    }
  }

 private:
  static constexpr int64_t kUnbounded = int64_t{1} << 62;
  int64_t size_;
};

// One packed sequence: rows first_row .. first_row + num_rows at the positions behind its prefix.
struct SequenceRows {
  int64_t first_row = 0, num_rows = 0;
  int64_t prefix_row = 0, prefix_tokens = 0;  // where the prefix's rows begin, and how many they are

  int64_t num_keys() const { return prefix_tokens + num_rows; }
};

inline SequenceRows RowsOf(const PackedSequences& sequences, int64_t s) {
  const int32_t* const offsets = sequences.cu_seqlens;
  SequenceRows rows{.first_row = offsets[s], .num_rows = offsets[s + 1] - offsets[s]};
  const int32_t prefix = sequences.prefixes == nullptr ? -1 : sequences.prefixes[s];
  if (prefix >= 0) {
    rows.prefix_row = offsets[prefix];
    rows.prefix_tokens = offsets[prefix + 1] - offsets[prefix];
  }
  return rows;
}

// Where the keys of one sequence lie.
class AttentionKeys {
 public:
  AttentionKeys(const float* keys, const float* values, const SequenceRows& rows)
      : keys_(keys), values_(values), rows_(rows) {}
  AttentionKeys(const float* keys, const float* values, const int32_t* block_table)
      : keys_(keys), values_(values), block_table_(block_table) {}

  // The block whose first key is `start`, a multiple of 16.
  AttentionBlock Block(const AttentionShape& shape, int64_t kv_head, int64_t start, int64_t num_tokens) const {
    const int64_t row = shape.num_kv_heads * shape.head_dim;
    const int64_t offset = PlaceOf(start) * row + kv_head * shape.head_dim;
    return {keys_ + offset, values_ + offset, row, num_tokens, shape.head_dim, shape.scale};
  }

 private:
  int64_t PlaceOf(int64_t start) const {
    if (block_table_ != nullptr) return block_table_[start / kAttentionBlockTokens] * kAttentionBlockTokens;
    return start < rows_.prefix_tokens ? rows_.prefix_row + start : rows_.first_row + start - rows_.prefix_tokens;
  }

  const float* keys_;
  const float* values_;
  SequenceRows rows_;
  const int32_t* block_table_ = nullptr;
};

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ATTENTION_KEYS_H_
