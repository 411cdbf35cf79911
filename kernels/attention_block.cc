// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention_block.h"

#include "kernels/vector16.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

constexpr float kMinusInfinity = -__builtin_inff();

int64_t PaddedDim(int64_t head_dim) { return (head_dim + 15) / 16 * 16; }

// Scratch: transposed keys and values [H][16], their transposed gradients, and padded rows [16][H16] of both.
int64_t ScratchFloats(int64_t head_dim) { return (4 + 2) * 16 * PaddedDim(head_dim); }

// out[h][j] = rows[j][h]; lanes past the tokens are 0. Moves only, so no order to keep.
void TransposeBlock(const float* rows, int64_t stride, int64_t num_tokens, int64_t head_dim, float* out) {
  int64_t j = 0;
  for (; j + 4 <= num_tokens; j += 4) {
    const float* r = rows + j * stride;
    int64_t h = 0;
    for (; h + 4 <= head_dim; h += 4) {
      const F4 a = Load4(r + h), b = Load4(r + stride + h), c = Load4(r + 2 * stride + h),
               d = Load4(r + 3 * stride + h);
      const F4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const F4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      Store4(out + (h + 0) * 16 + j, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
      Store4(out + (h + 1) * 16 + j, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
      Store4(out + (h + 2) * 16 + j, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
      Store4(out + (h + 3) * 16 + j, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
    }
    for (; h < head_dim; ++h) {
      for (int64_t i = 0; i < 4; ++i) out[h * 16 + j + i] = r[i * stride + h];
    }
  }
  for (; j < 16; ++j) {
    for (int64_t h = 0; h < head_dim; ++h) out[h * 16 + j] = j < num_tokens ? rows[j * stride + h] : 0.0f;
  }
}

// Rows whose length is no multiple of 16 are copied, so that vectors over H never read past a row.
const float* PaddedRows(const float* rows, const AttentionBlock& block, float* copy, int64_t* stride) {
  const int64_t padded = PaddedDim(block.head_dim);
  if (padded == block.head_dim) {
    *stride = block.row_stride;
    return rows;
  }
  for (int64_t j = 0; j < block.num_tokens; ++j) {
    for (int64_t h = 0; h < padded; ++h) {
      copy[j * padded + h] = h < block.head_dim ? rows[j * block.row_stride + h] : 0.0f;
    }
  }
  *stride = padded;
  return copy;
}

// dots[i][j] = sum over h, ascending, of vectors[i][h] * transposed[h][j].
template <int R>
COHORT_INLINE void DotBlock(const float* const (&vectors)[R], const float* transposed, int64_t head_dim,
                            F16 (&dots)[R]) {
  for (int i = 0; i < R; ++i) dots[i] = F16{};
  for (int64_t h = 0; h < head_dim; ++h) {
    const F16 column = Load16(transposed + h * 16);
    for (int i = 0; i < R; ++i) dots[i] += column * vectors[i][h];
  }
}

// Scores of tokens outside [begin, end) become -inf.
COHORT_INLINE F16 KeepVisible(F16 scores, int64_t begin, int64_t end) {
  const F16 kept = KeepFirst(scores, end, kMinusInfinity);
  return begin == 0 ? kept : Select(LaneNumbers() < Splat16(static_cast<float>(begin)), Splat16(kMinusInfinity), kept);
}

// R states which see the same tokens. What one state computes does not depend on R.
template <int R>
COHORT_INLINE void ForwardStates(const AttentionBlock& block, const float* keys_transposed, const float* values,
                                 int64_t value_stride, QueryState* states) {
  const int64_t begin = states[0].visible_begin, end = states[0].visible_end;
  const float* queries[R];
  F16 scores[R];
  for (int i = 0; i < R; ++i) queries[i] = states[i].query;
  DotBlock<R>(queries, keys_transposed, block.head_dim, scores);
  float weights[R][16];
  float rescale[16] = {};  // one vector exp serves all states
  for (int i = 0; i < R; ++i) {
    const F16 score = KeepVisible(scores[i] * block.scale, begin, end);
    const float block_max = MaxLane16(score);
    const float max = states[i].max > block_max ? states[i].max : block_max;
    rescale[i] = states[i].max - max;
    states[i].max = max;
    scores[i] = Exp16(score - max);
    Store16(weights[i], scores[i]);
  }
  Store16(rescale, Exp16(Load16(rescale)));
  for (int i = 0; i < R; ++i) states[i].sum = states[i].sum * rescale[i] + Sum16(scores[i]);
  for (int64_t h = 0; h < block.head_dim; h += 16) {
    F16 accumulator[R];
    for (int i = 0; i < R; ++i) accumulator[i] = Load16(states[i].accumulator + h) * rescale[i];
    for (int64_t j = begin; j < end; ++j) {
      const F16 value = Load16(values + j * value_stride + h);
      for (int i = 0; i < R; ++i) accumulator[i] += value * weights[i][j];
    }
    for (int i = 0; i < R; ++i) Store16(states[i].accumulator + h, accumulator[i]);
  }
}

template <typename State>
COHORT_INLINE bool SeeTheSame(const State& a, const State& b) {
  return a.visible_begin == b.visible_begin && a.visible_end == b.visible_end;
}

// Calls run<4>, run<2> or run<1> on neighbours that see the same tokens.
template <typename State, typename Run>
COHORT_INLINE void ForEachEqualRun(State* states, int64_t num_states, Run run) {
  int64_t i = 0;
  while (i < num_states) {
    int64_t n = 1;
    while (n < 4 && i + n < num_states && SeeTheSame(states[i + n], states[i])) ++n;
    n = n == 3 ? 2 : n;
    run(states + i, n);
    i += n;
  }
}

__attribute__((noinline)) void ForwardBlock(const AttentionBlock& block, float* scratch, QueryState* states,
                                            int64_t num_states) {
  TransposeBlock(block.keys, block.row_stride, block.num_tokens, block.head_dim, scratch);
  int64_t stride = 0;
  const float* values = PaddedRows(block.values, block, scratch + 16 * PaddedDim(block.head_dim), &stride);
  ForEachEqualRun(
      states, num_states, [&](QueryState * first, int64_t n) __attribute__((always_inline)) {
        if (n == 4) {
          ForwardStates<4>(block, scratch, values, stride, first);
        } else if (n == 2) {
          ForwardStates<2>(block, scratch, values, stride, first);
        } else {
          ForwardStates<1>(block, scratch, values, stride, first);
        }
      });
}

struct BackwardScratch {
  const float* keys_transposed;
  const float* values_transposed;
  const float* keys;
  int64_t key_stride;
  float* grad_keys_transposed;
  float* grad_values_transposed;
};

template <int R>
COHORT_INLINE void BackwardStates(const AttentionBlock& block, const BackwardScratch& s, GradState* states) {
  const int64_t begin = states[0].visible_begin, end = states[0].visible_end;
  const float* queries[R];
  const float* grads[R];
  F16 weights[R], grad_scores[R];
  for (int i = 0; i < R; ++i) queries[i] = states[i].query;
  for (int i = 0; i < R; ++i) grads[i] = states[i].grad_out;
  DotBlock<R>(queries, s.keys_transposed, block.head_dim, weights);
  DotBlock<R>(grads, s.values_transposed, block.head_dim, grad_scores);
  float grad_scores_array[R][16];
  for (int i = 0; i < R; ++i) {
    const F16 score = KeepVisible(weights[i] * block.scale, begin, end);
    weights[i] = Exp16(score - states[i].max) * states[i].inverse_sum;
    grad_scores[i] = weights[i] * (grad_scores[i] - states[i].delta) * block.scale;
    Store16(grad_scores_array[i], grad_scores[i]);
  }
  for (int64_t h = 0; h < block.head_dim; ++h) {
    F16 grad_value = Load16(s.grad_values_transposed + h * 16);
    F16 grad_key = Load16(s.grad_keys_transposed + h * 16);
    for (int i = 0; i < R; ++i) grad_value += weights[i] * grads[i][h];
    for (int i = 0; i < R; ++i) grad_key += grad_scores[i] * queries[i][h];
    Store16(s.grad_values_transposed + h * 16, grad_value);
    Store16(s.grad_keys_transposed + h * 16, grad_key);
  }
  for (int64_t h = 0; h < block.head_dim; h += 16) {
    F16 grad_query[R];
    for (int i = 0; i < R; ++i) grad_query[i] = Load16(states[i].grad_query + h);
    for (int64_t j = begin; j < end; ++j) {
      const F16 key = Load16(s.keys + j * s.key_stride + h);
      for (int i = 0; i < R; ++i) grad_query[i] += key * grad_scores_array[i][j];
    }
    for (int i = 0; i < R; ++i) Store16(states[i].grad_query + h, grad_query[i]);
  }
}

__attribute__((noinline)) void BackwardBlock(const AttentionBlock& block, float* scratch, GradState* states,
                                             int64_t num_states, float* grad_keys, float* grad_values) {
  const int64_t plane = 16 * PaddedDim(block.head_dim);
  BackwardScratch s{scratch, scratch + plane, nullptr, 0, scratch + 2 * plane, scratch + 3 * plane};
  TransposeBlock(block.keys, block.row_stride, block.num_tokens, block.head_dim, scratch);
  TransposeBlock(block.values, block.row_stride, block.num_tokens, block.head_dim, scratch + plane);
  s.keys = PaddedRows(block.keys, block, scratch + 4 * plane, &s.key_stride);
  for (int64_t i = 0; i < 2 * plane; i += 16) Store16(s.grad_keys_transposed + i, F16{});
  ForEachEqualRun(
      states, num_states, [&](GradState * first, int64_t n) __attribute__((always_inline)) {
        if (n == 4) {
          BackwardStates<4>(block, s, first);
        } else if (n == 2) {
          BackwardStates<2>(block, s, first);
        } else {
          BackwardStates<1>(block, s, first);
        }
      });
  for (int64_t j = 0; j < block.num_tokens; ++j) {
    for (int64_t h = 0; h < block.head_dim; ++h) {
      grad_keys[j * block.row_stride + h] = s.grad_keys_transposed[h * 16 + j];
      grad_values[j * block.row_stride + h] = s.grad_values_transposed[h * 16 + j];
    }
  }
}

float Dot(const float* a, const float* b, int64_t size) {
  F16 sum{};
  int64_t i = 0;
  for (; i + 16 <= size; i += 16) sum += Load16(a + i) * Load16(b + i);
  if (i < size) sum += LoadFirst(a + i, size - i, 0.0f) * LoadFirst(b + i, size - i, 0.0f);
  return Sum16(sum);
}

}  // namespace

extern const AttentionBlockFunctions kAttentionBlock;
const AttentionBlockFunctions kAttentionBlock = {ScratchFloats, ForwardBlock, BackwardBlock, Dot};

}  // namespace cohort::kernels::COHORT_CPU_TARGET
