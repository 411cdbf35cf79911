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

// Where the keys of one sequence lie.
class AttentionKeys {
 public:
  // Contiguous rows starting at the sequence's first token.
  AttentionKeys(const float* keys, const float* values) : keys_(keys), values_(values) {}
  AttentionKeys(const float* keys, const float* values, const int32_t* block_table)
      : keys_(keys), values_(values), block_table_(block_table) {}

  AttentionBlock Block(const AttentionShape& shape, int64_t kv_head, int64_t index, int64_t num_tokens) const {
    const int64_t row = shape.num_kv_heads * shape.head_dim;
    const int64_t place = block_table_ == nullptr ? index : block_table_[index];
    const int64_t offset = place * kAttentionBlockTokens * row + kv_head * shape.head_dim;
    return {keys_ + offset, values_ + offset, row, num_tokens, shape.head_dim, shape.scale};
  }

 private:
  const float* keys_;
  const float* values_;
  const int32_t* block_table_ = nullptr;
};

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ATTENTION_KEYS_H_
