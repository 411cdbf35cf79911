// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ATTENTION_BLOCK_H_
#define COHORT_KERNELS_ATTENTION_BLOCK_H_

// One key/value block of 16 tokens against a set of query rows: the only place where attention does arithmetic.
// Internal to kernels/attention_cpu.cc; compiled once per instruction set. Vectors over H are padded to H16, the next
// multiple of 16.

#include <cstdint>

#include "kernels/cpu_target.h"

namespace cohort::kernels {

struct AttentionBlock {
  const float* keys;    // token j of the block at keys + j * row_stride
  const float* values;  // likewise
  int64_t row_stride;
  int64_t num_tokens;  // readable tokens, 1..16
  int64_t head_dim;
  float scale;
};

// Running softmax of one (row, query head).
struct QueryState {
  const float* query;  // H
  float* accumulator;  // H16
  float max;
  float sum;
  // Tokens of this block that the row sees: 0 <= begin < end <= num_tokens.
  int64_t visible_begin, visible_end;
};

// Backward state of one (row, query head).
struct GradState {
  const float* query;     // H
  const float* grad_out;  // H
  float* grad_query;      // H16, added to
  float max;
  float inverse_sum;
  float delta;  // sum over H of out * grad_out
  int64_t visible_begin, visible_end;
};

struct AttentionBlockFunctions {
  // Floats of scratch that the functions below need for this head dim.
  int64_t (*scratch_floats)(int64_t head_dim);
  // Folds the block into each state.
  void (*forward)(const AttentionBlock& block, float* scratch, QueryState* states, int64_t num_states);
  // Adds to each state's grad_query and sets grad_keys, grad_values ([num_tokens][row_stride], head_dim each).
  void (*backward)(const AttentionBlock& block, float* scratch, GradState* states, int64_t num_states, float* grad_keys,
                   float* grad_values);
  // Sum of a[i] * b[i] over `size`, 16 lanes and one fixed tree.
  float (*dot)(const float* a, const float* b, int64_t size);
};

const AttentionBlockFunctions& GetAttentionBlockFunctions(CpuTarget target);

namespace baseline {
extern const AttentionBlockFunctions kAttentionBlock;
}
namespace avx2 {
extern const AttentionBlockFunctions kAttentionBlock;
}
namespace avx512 {
extern const AttentionBlockFunctions kAttentionBlock;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ATTENTION_BLOCK_H_
