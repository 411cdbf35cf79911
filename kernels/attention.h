// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ATTENTION_H_
#define COHORT_KERNELS_ATTENTION_H_

// Causal grouped-query attention, over all earlier keys or a sliding window of them, fp32, on the CPU.
// Shapes: T rows, N query heads, K key/value heads (N a multiple of K; query heads n*N/K.. share key head n), H head
// dim, B cache blocks, S = 16 tokens of a block. All arrays are dense, row-major, and owned by the caller.
//
// Reduction order (part of the contract). Each (row, query head) visits the keys of its sequence in blocks of 16
// aligned to the sequence start. Within a block: every score is summed over H in ascending order by fused
// multiply-adds, scaled, then the running maximum is updated, the state rescaled (not fused), the 16 weights summed in
// one fixed tree and the values added in key order, fused with their weights. Blocks that lie wholly before a row's
// window are not visited by it; keys of the block in which the window begins that lie before it have no weight and are
// not added. The order depends on nothing else: not on the number of rows, the packing, the pages or the instruction
// set. Packed and paged calls go through the same code, so the same row gets the same bits from both.
//
// Prefixes: a packed sequence may continue another one, its prefix, of whole blocks. Its rows stand behind the prefix's
// and see its keys, in the same blocks as if the prefix's rows were repeated before them: the same bits.
//
// Threads: the forward pass shares out (tile of rows, key head), the backward pass (sequence, key head), the costliest
// sequence first; each owns what it writes. What sequences add to the key and value gradients of their prefix is kept
// apart until all are done, as many floats as the prefix has for each of them, and then added by key head. So threads
// change no bit, and a backward pass uses at most as many as there are sequences times key heads.
//
// The functions keep no state: they may run at once on several threads with distinct outputs.

#include <cstdint>

#include "kernels/cpu_execution.h"

namespace cohort::kernels {

inline constexpr int64_t kAttentionBlockTokens = 16;

struct AttentionShape {
  int64_t num_heads;     // N
  int64_t num_kv_heads;  // K, divides N
  int64_t head_dim;      // H
  float scale;           // of the scores before softmax
  // Keys that a row sees, its own included: row i sees key j where i - window < j <= i. 0: every key up to its own.
  int64_t window = 0;
};

// Sequences laid end to end; sequence s is rows cu_seqlens[s] .. cu_seqlens[s + 1]. T = cu_seqlens[num_sequences].
// REQUIRES of a prefix: it comes before the sequences that continue it, its rows are a multiple of 16, and it has no
// prefix itself. It may have several sequences.
struct PackedSequences {
  const float* q_TNH;
  const float* k_TKH;
  const float* v_TKH;
  const int32_t* cu_seqlens;  // num_sequences + 1 ascending offsets, the first 0
  int64_t num_sequences;
  const int32_t* prefixes = nullptr;  // per sequence: which one it continues, -1: none; null: none for all
};

// Rows over a paged cache. Row t is position positions[t] of sequence sequences[t] and sees keys 0..positions[t] (the
// last `window` of them); key j is token j % 16 of block block_tables[sequences[t]][j / 16]. Cache tokens past that are
// never read.
struct PagedRows {
  const float* q_TNH;
  const float* keys_BSKH;
  const float* values_BSKH;
  const int32_t* positions;
  const int32_t* sequences;
  int64_t num_rows;
  const int32_t* const* block_tables;
};

// out_TNH gets the attention; row_max_TN and row_sum_TN the largest scaled score and the sum of exp(score - max), which
// the backward pass needs (both may be null).
void PackedAttentionForward(const AttentionShape& shape, const PackedSequences& sequences, float* out_TNH,
                            float* row_max_TN, float* row_sum_TN, const CpuExecution& cpu = {});

// Rows of one sequence at consecutive positions are handled together where they are neighbours (prefill).
void PagedAttentionForward(const AttentionShape& shape, const PagedRows& rows, float* out_TNH,
                           const CpuExecution& cpu = {});

// What the forward pass saw and left behind, and the gradient of its output.
struct PackedAttentionSaved {
  const float* out_TNH;
  const float* row_max_TN;
  const float* row_sum_TN;
  const float* grad_out_TNH;
};

// Where the gradients of q, k and v go: rows before T are overwritten.
struct PackedAttentionGradients {
  float* q_TNH;
  float* k_TKH;
  float* v_TKH;
};

// Deterministic: sums over rows, keys and H are of fused multiply-adds but for out * grad_out, and run in row order
// within a key block, and over key blocks in ascending order. Key and value gradients of a prefix are the sum over its
// own rows, to which those over the rows of each sequence that continues it are added in ascending order of sequence.
void PackedAttentionBackward(const AttentionShape& shape, const PackedSequences& sequences,
                             const PackedAttentionSaved& saved, const PackedAttentionGradients& gradients,
                             const CpuExecution& cpu = {});

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ATTENTION_H_
