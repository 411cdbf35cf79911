// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention_block.h"

#include "kernels/fused16.h"
#include "kernels/vector16.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

constexpr float kMinusInfinity = -__builtin_inff();

int64_t PaddedDim(int64_t head_dim) { return (head_dim + 15) / 16 * 16; }

// Scratch: transposed keys and values [H][16], their transposed gradients, and padded rows [16][H16] of both.
int64_t ScratchFloats(int64_t head_dim) { return (4 + 2) * 16 * PaddedDim(head_dim); }

COHORT_INLINE void Transpose4(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  const F4 a = Load4(from), b = Load4(from + from_stride), c = Load4(from + 2 * from_stride),
           d = Load4(from + 3 * from_stride);
  const F4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const F4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  Store4(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  Store4(to + to_stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  Store4(to + 2 * to_stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  Store4(to + 3 * to_stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

// to[i][j] = from[j][i] for j below `from_rows` and i below `to_rows`. Moves only, so no order to keep.
void Transpose(const float* from, int64_t from_stride, int64_t from_rows, float* to, int64_t to_stride,
               int64_t to_rows) {
  int64_t j = 0;
  for (; j + 4 <= from_rows; j += 4) {
    int64_t i = 0;
    for (; i + 4 <= to_rows; i += 4) {
      Transpose4(from + j * from_stride + i, from_stride, to + i * to_stride + j, to_stride);
    }
    for (; i < to_rows; ++i) {
      for (int64_t k = j; k < j + 4; ++k) to[i * to_stride + k] = from[k * from_stride + i];
    }
  }
  for (; j < from_rows; ++j) {
    for (int64_t i = 0; i < to_rows; ++i) to[i * to_stride + j] = from[j * from_stride + i];
  }
}

// out[h][j] = rows[j][h]; lanes past the tokens are 0.
__attribute__((noinline)) void TransposeBlock(const float* rows, const AttentionBlock& block, float* out) {
  Transpose(rows, block.row_stride, block.num_tokens, out, 16, block.head_dim);
  for (int64_t j = block.num_tokens; j < 16; ++j) {
    for (int64_t h = 0; h < block.head_dim; ++h) out[h * 16 + j] = 0.0f;
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

// States are taken in runs: a vector loaded once serves all states of a run, and their sums, each in its own order,
// hide each other's latency. AVX2 and the baseline have registers for four at most.
constexpr int kMostStates = kParts == 1 ? 8 : 4;
#define COHORT_FOR_STATES _Pragma("GCC unroll 8") for (int i = 0; i < R; ++i)

// dots[i][j] = sum over h, ascending, of vectors[i][h] * transposed[h][j].
template <int R>
COHORT_INLINE void DotBlock(const float* const (&vectors)[R], const float* transposed, int64_t head_dim,
                            F16 (&dots)[R]) {
  COHORT_FOR_STATES dots[i] = F16{};
  for (int64_t h = 0; h < head_dim; ++h) {
    const F16 column = Load16(transposed + h * 16);
    COHORT_FOR_STATES dots[i] = MultiplyAdd(column, vectors[i][h], dots[i]);
  }
}

// The tokens that a run of states sees: `some_begin` to `some_end`, and between `all_begin` and `all_end` each sees
// all.
struct RunView {
  int64_t some_begin, all_begin, all_end, some_end;
};

template <typename State>
COHORT_INLINE RunView ViewOf(const State* states, int64_t num_states) {
  RunView view{16, 0, 16, 0};
  for (int64_t i = 0; i < num_states; ++i) {
    const int64_t begin = states[i].visible_begin, end = states[i].visible_end;
    view.some_begin = begin < view.some_begin ? begin : view.some_begin;
    view.all_begin = begin > view.all_begin ? begin : view.all_begin;
    view.all_end = end < view.all_end ? end : view.all_end;
    view.some_end = end > view.some_end ? end : view.some_end;
  }
  if (view.all_begin >= view.all_end) view.all_begin = view.all_end = view.some_begin;
  return view;
}

// Scores of tokens that the state does not see become -inf.
template <typename State>
COHORT_INLINE F16 KeepVisible(F16 scores, const RunView& view, const State& state) {
  if (view.all_begin == 0 && view.all_end == 16) return scores;
  const F16 kept = KeepFirst(scores, state.visible_end, kMinusInfinity);
  return Select(LaneNumbers() < Splat16(static_cast<float>(state.visible_begin)), Splat16(kMinusInfinity), kept);
}

// Adds to sums[i], 16 numbers over H, weights[i][j] * rows[j] for the tokens j that state i sees, ascending.
template <int R, typename State>
COHORT_INLINE void AddRows(const RunView& view, const State* states, const float* rows, int64_t stride,
                           const float (&weights)[R][16], F16 (&sums)[R]) {
  const auto add_seen = [&](int64_t j) __attribute__((always_inline)) {
    const F16 row = Load16(rows + j * stride);
    COHORT_FOR_STATES {
      if (j >= states[i].visible_begin && j < states[i].visible_end) sums[i] = MultiplyAdd(row, weights[i][j], sums[i]);
    }
  };
  int64_t j = view.some_begin;
  for (; j < view.all_begin; ++j) add_seen(j);
  for (; j < view.all_end; ++j) {
    const F16 row = Load16(rows + j * stride);
    COHORT_FOR_STATES sums[i] = MultiplyAdd(row, weights[i][j], sums[i]);
  }
  for (; j < view.some_end; ++j) add_seen(j);
}

// What one state computes does not depend on the others.
template <int R>
COHORT_INLINE void ForwardStates(const AttentionBlock& block, const float* keys_transposed, const float* values,
                                 int64_t value_stride, QueryState* states) {
  const RunView view = ViewOf(states, R);
  const float* queries[R];
  F16 scores[R];
  COHORT_FOR_STATES queries[i] = states[i].query;
  DotBlock<R>(queries, keys_transposed, block.head_dim, scores);
  float weights[R][16];
  float rescale[16] = {};  // one vector exp serves all states
  COHORT_FOR_STATES {
    const F16 score = KeepVisible(scores[i] * block.scale, view, states[i]);
    const float block_max = MaxLane16(score);
    const float max = states[i].max > block_max ? states[i].max : block_max;
    rescale[i] = states[i].max - max;
    states[i].max = max;
    scores[i] = Exp16(score - max);
    Store16(weights[i], scores[i]);
  }
  Store16(rescale, Exp16(Load16(rescale)));
  COHORT_FOR_STATES states[i].sum = states[i].sum * rescale[i] + Sum16(scores[i]);
  for (int64_t h = 0; h < block.head_dim; h += 16) {
    F16 accumulator[R];
    COHORT_FOR_STATES accumulator[i] = Load16(states[i].accumulator + h) * rescale[i];
    AddRows<R>(view, states, values + h, value_stride, weights, accumulator);
    COHORT_FOR_STATES Store16(states[i].accumulator + h, accumulator[i]);
  }
}

template <int R>
struct StateCount {
  static constexpr int kValue = R;
};

// Calls run(states, <number>) on runs of 8, 4, 2 or 1 states.
template <typename State, typename Run>
COHORT_INLINE void ForEachRun(State* states, int64_t num_states, Run run) {
  int64_t i = 0;
  if constexpr (kMostStates == 8) {
    for (; i + 8 <= num_states; i += 8) run(states + i, StateCount<8>());
  }
  for (; i + 4 <= num_states; i += 4) run(states + i, StateCount<4>());
  for (; i + 2 <= num_states; i += 2) run(states + i, StateCount<2>());
  for (; i < num_states; ++i) run(states + i, StateCount<1>());
}

__attribute__((noinline)) void ForwardBlock(const AttentionBlock& block, float* scratch, QueryState* states,
                                            int64_t num_states) {
  TransposeBlock(block.keys, block, scratch);
  int64_t stride = 0;
  const float* values = PaddedRows(block.values, block, scratch + 16 * PaddedDim(block.head_dim), &stride);
  ForEachRun(
      states, num_states, [&](QueryState * first, auto count) __attribute__((always_inline)) {
        ForwardStates<decltype(count)::kValue>(block, scratch, values, stride, first);
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
  const RunView view = ViewOf(states, R);
  const float* queries[R];
  const float* grads[R];
  F16 weights[R], grad_scores[R];
  COHORT_FOR_STATES queries[i] = states[i].query;
  COHORT_FOR_STATES grads[i] = states[i].grad_out;
  DotBlock<R>(queries, s.keys_transposed, block.head_dim, weights);
  DotBlock<R>(grads, s.values_transposed, block.head_dim, grad_scores);
  float grad_scores_array[R][16];
  COHORT_FOR_STATES {
    const F16 score = KeepVisible(weights[i] * block.scale, view, states[i]);
    weights[i] = Exp16(score - states[i].max) * states[i].inverse_sum;
    grad_scores[i] = weights[i] * (grad_scores[i] - states[i].delta) * block.scale;
    Store16(grad_scores_array[i], grad_scores[i]);
  }
  for (int64_t h = 0; h < block.head_dim; ++h) {
    F16 grad_value = Load16(s.grad_values_transposed + h * 16);
    F16 grad_key = Load16(s.grad_keys_transposed + h * 16);
    COHORT_FOR_STATES grad_value = MultiplyAdd(weights[i], grads[i][h], grad_value);
    COHORT_FOR_STATES grad_key = MultiplyAdd(grad_scores[i], queries[i][h], grad_key);
    Store16(s.grad_values_transposed + h * 16, grad_value);
    Store16(s.grad_keys_transposed + h * 16, grad_key);
  }
  for (int64_t h = 0; h < block.head_dim; h += 16) {
    F16 grad_query[R];
    COHORT_FOR_STATES grad_query[i] = Load16(states[i].grad_query + h);
    AddRows<R>(view, states, s.keys + h, s.key_stride, grad_scores_array, grad_query);
    COHORT_FOR_STATES Store16(states[i].grad_query + h, grad_query[i]);
  }
}

__attribute__((noinline)) void BackwardBlock(const AttentionBlock& block, float* scratch, GradState* states,
                                             int64_t num_states, float* grad_keys, float* grad_values) {
  const int64_t plane = 16 * PaddedDim(block.head_dim);
  BackwardScratch s{scratch, scratch + plane, nullptr, 0, scratch + 2 * plane, scratch + 3 * plane};
  TransposeBlock(block.keys, block, scratch);
  TransposeBlock(block.values, block, scratch + plane);
  s.keys = PaddedRows(block.keys, block, scratch + 4 * plane, &s.key_stride);
  for (int64_t i = 0; i < 2 * plane; i += 16) Store16(s.grad_keys_transposed + i, F16{});
  ForEachRun(
      states, num_states, [&](GradState * first, auto count) __attribute__((always_inline)) {
        BackwardStates<decltype(count)::kValue>(block, s, first);
      });
  Transpose(s.grad_keys_transposed, 16, block.head_dim, grad_keys, block.row_stride, block.num_tokens);
  Transpose(s.grad_values_transposed, 16, block.head_dim, grad_values, block.row_stride, block.num_tokens);
}

float Dot(const float* a, const float* b, int64_t size) {
  F16 sum{};
  int64_t i = 0;
  for (; i + 16 <= size; i += 16) sum += Load16(a + i) * Load16(b + i);
  if (i < size) sum += LoadFirst(a + i, size - i, 0.0f) * LoadFirst(b + i, size - i, 0.0f);
  return Sum16(sum);
}

#undef COHORT_FOR_STATES

}  // namespace

extern const AttentionBlockFunctions kAttentionBlock;
const AttentionBlockFunctions kAttentionBlock = {ScratchFloats, ForwardBlock, BackwardBlock, Dot};

}  // namespace cohort::kernels::COHORT_CPU_TARGET
