// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_DECODER_ROWS_H_
#define COHORT_MODEL_DECODER_ROWS_H_

// What every architecture needs before and beside its layers.
// Shapes: T rows padded to a multiple of 8 (16 at least), A = head dim / 2 angles.
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "model/decoder.h"
#include "model/rotary_table.h"

namespace cohort::model {

// Matrix products give a row the same bits in every batch of a multiple of kRowMultiple rows, at least kMinRows of
// them: some processors compute 8 rows with another kernel.
inline constexpr int64_t kRowMultiple = 8;
inline constexpr int64_t kMinRows = 16;
inline int64_t PaddedRows(int64_t rows) {
  return rows == 0 ? 0 : std::max(kMinRows, (rows + kRowMultiple - 1) / kRowMultiple * kRowMultiple);
}

// INVALID_ARGUMENT names the field, the row or sequence, and the value.
absl::Status CheckPackedBatch(const PackedBatch& batch, const ModelConfig& config);
absl::Status CheckPagedBatch(const PagedBatch& batch, const ModelConfig& config, const KvCache& cache);

// Position of every row of a packed batch in its sequence, behind its prefix.
std::vector<int32_t> PackedPositions(const PackedBatch& batch);

// Rows of one forward pass as tensors; padding is token 0 at position 0.
struct DecoderRows {
  int64_t num_rows = 0;       // without padding
  at::Tensor token_ids_T;     // int64
  at::Tensor cos_TA, sin_TA;  // fp32
};
DecoderRows MakeDecoderRows(const std::vector<int32_t>& token_ids, const std::vector<int32_t>& positions,
                            const RotaryTable& table);

// Token slots (block * 16 + position % 16) of the batch's rows in a KvCache.
std::vector<int64_t> CacheSlots(const PagedBatch& batch);

// Copies the first slots.size() rows of k and v [T, K, H] into a layer's cache.
void WriteCacheRows(const at::Tensor& k_TKH, const at::Tensor& v_TKH, const std::vector<int64_t>& slots, int64_t layer,
                    KvCache* cache);

}  // namespace cohort::model

#endif  // COHORT_MODEL_DECODER_ROWS_H_
