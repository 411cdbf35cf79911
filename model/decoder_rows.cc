// SPDX-License-Identifier: Apache-2.0
#include "model/decoder_rows.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model {
namespace {

absl::Status CheckTokenIds(const std::vector<int32_t>& token_ids, const ModelConfig& config) {
  for (size_t t = 0; t < token_ids.size(); ++t) {
    if (token_ids[t] < 0 || token_ids[t] >= config.vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat("token_ids: row ", t, " is outside the vocabulary of ",
                                                     config.vocab_size, " (", token_ids[t], ")"));
    }
  }
  return absl::OkStatus();
}

int64_t NumTokens(const PackedBatch& batch, size_t sequence) {
  return int64_t{batch.cu_seqlens[sequence + 1]} - batch.cu_seqlens[sequence];
}

int32_t PrefixTokens(const PackedBatch& batch, size_t sequence) {
  if (batch.prefixes.empty() || batch.prefixes[sequence] < 0) return 0;
  return static_cast<int32_t>(NumTokens(batch, batch.prefixes[sequence]));
}

absl::Status CheckPrefixes(const PackedBatch& batch) {
  if (batch.prefixes.empty()) return absl::OkStatus();
  const size_t num_sequences = batch.cu_seqlens.size() - 1;
  if (batch.prefixes.size() != num_sequences) {
    return absl::InvalidArgumentError(absl::StrCat("prefixes: must have one entry per sequence (", num_sequences,
                                                   " sequences, ", batch.prefixes.size(), ")"));
  }
  for (size_t s = 0; s < num_sequences; ++s) {
    const int32_t prefix = batch.prefixes[s];
    if (prefix == -1) continue;
    if (prefix < 0 || prefix >= static_cast<int64_t>(s) || batch.prefixes[prefix] != -1) {
      return absl::InvalidArgumentError(
          absl::StrCat("prefixes: sequence ", s, " must continue an earlier one without prefix (", prefix, ")"));
    }
    if (NumTokens(batch, prefix) % KvCache::kBlockTokens != 0) {
      return absl::InvalidArgumentError(absl::StrCat("prefixes: sequence ", s, " must continue a multiple of ",
                                                     KvCache::kBlockTokens, " tokens (", NumTokens(batch, prefix),
                                                     ")"));
    }
  }
  return absl::OkStatus();
}

// One table of blocks, as far as the cache is concerned.
absl::Status CheckBlockTable(const std::vector<int32_t>& table, size_t sequence, const KvCache& cache) {
  for (const int32_t block : table) {
    if (block < 0 || block >= cache.num_blocks()) {
      return absl::InvalidArgumentError(absl::StrCat("block_tables: sequence ", sequence, " names a block outside the ",
                                                     cache.num_blocks(), " of the cache (", block, ")"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPackedBatch(const PackedBatch& batch, const ModelConfig& config) {
  COHORT_RETURN_IF_ERROR(CheckTokenIds(batch.token_ids, config));
  const auto& offsets = batch.cu_seqlens;
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != static_cast<int64_t>(batch.token_ids.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("cu_seqlens: must run from 0 to the ", batch.token_ids.size(), " rows of the batch"));
  }
  COHORT_RETURN_IF_ERROR(CheckPrefixes(batch));
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const int64_t length = NumTokens(batch, s);
    if (length < 0 || PrefixTokens(batch, s) + length > config.max_position_embeddings) {
      return absl::InvalidArgumentError(absl::StrCat("cu_seqlens: sequence ", s, " must have 0 to ",
                                                     config.max_position_embeddings, " tokens (",
                                                     PrefixTokens(batch, s) + length, ")"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPagedBatch(const PagedBatch& batch, const ModelConfig& config, const KvCache& cache) {
  COHORT_RETURN_IF_ERROR(CheckTokenIds(batch.token_ids, config));
  const size_t rows = batch.token_ids.size();
  if (batch.positions.size() != rows || batch.sequences.size() != rows) {
    return absl::InvalidArgumentError(absl::StrCat("positions, sequences: must have one entry per row (", rows,
                                                   " rows, ", batch.positions.size(), ", ", batch.sequences.size(),
                                                   ")"));
  }
  for (size_t s = 0; s < batch.block_tables.size(); ++s) {
    COHORT_RETURN_IF_ERROR(CheckBlockTable(batch.block_tables[s], s, cache));
  }
  for (size_t t = 0; t < rows; ++t) {
    const int32_t sequence = batch.sequences[t], position = batch.positions[t];
    if (sequence < 0 || sequence >= static_cast<int64_t>(batch.block_tables.size())) {
      return absl::InvalidArgumentError(absl::StrCat("sequences: row ", t, " has no block table (", sequence, ")"));
    }
    if (position < 0 || position >= config.max_position_embeddings ||
        position / KvCache::kBlockTokens >= static_cast<int64_t>(batch.block_tables[sequence].size())) {
      return absl::InvalidArgumentError(absl::StrCat("positions: row ", t, " is outside the context of ",
                                                     config.max_position_embeddings, " or its blocks (", position,
                                                     ")"));
    }
  }
  return absl::OkStatus();
}

std::vector<int32_t> PackedPositions(const PackedBatch& batch) {
  std::vector<int32_t> positions(batch.token_ids.size());
  for (size_t s = 0; s + 1 < batch.cu_seqlens.size(); ++s) {
    const int32_t first_position = PrefixTokens(batch, s), first_row = batch.cu_seqlens[s];
    for (int32_t t = first_row; t < batch.cu_seqlens[s + 1]; ++t) positions[t] = first_position + t - first_row;
  }
  return positions;
}

DecoderRows MakeDecoderRows(const std::vector<int32_t>& token_ids, const std::vector<int32_t>& positions,
                            const RotaryTable& table) {
  DecoderRows rows;
  rows.num_rows = static_cast<int64_t>(token_ids.size());
  const int64_t padded = PaddedRows(rows.num_rows);
  at::Tensor ids_and_positions = at::zeros({2, padded}, at::kLong);
  int64_t* values = ids_and_positions.mutable_data_ptr<int64_t>();
  for (int64_t t = 0; t < rows.num_rows; ++t) {
    values[t] = token_ids[t];
    values[padded + t] = positions[t];
  }
  ids_and_positions = ids_and_positions.to(table.device());
  const int64_t last_position = positions.empty() ? 0 : *std::max_element(positions.begin(), positions.end());
  const RotaryAngles angles = table.Covering(last_position + 1);
  rows.token_ids_T = ids_and_positions.select(0, 0);
  rows.cos_TA = angles.cos_PA.index_select(0, ids_and_positions.select(0, 1));
  rows.sin_TA = angles.sin_PA.index_select(0, ids_and_positions.select(0, 1));
  return rows;
}

std::vector<int64_t> CacheSlots(const PagedBatch& batch) {
  std::vector<int64_t> slots(batch.positions.size());
  for (size_t t = 0; t < slots.size(); ++t) {
    const int64_t block = batch.block_tables[batch.sequences[t]][batch.positions[t] / KvCache::kBlockTokens];
    slots[t] = block * KvCache::kBlockTokens + batch.positions[t] % KvCache::kBlockTokens;
  }
  return slots;
}

void WriteCacheRows(const at::Tensor& k_TKH, const at::Tensor& v_TKH, const std::vector<int64_t>& slots, int64_t layer,
                    KvCache* cache) {
  const auto write = [&slots](const at::Tensor& rows_TKH, at::Tensor& cache_BSKH) {
    const at::Tensor rows = rows_TKH.contiguous();
    const auto num_slots = static_cast<int64_t>(slots.size());
    if (cache_BSKH.is_cpu() && rows.is_cpu() && rows.scalar_type() == cache_BSKH.scalar_type()) {
      const size_t row_bytes = static_cast<size_t>(rows.stride(0)) * rows.element_size();
      const auto* from = static_cast<const char*>(rows.const_data_ptr());
      auto* to = static_cast<char*>(cache_BSKH.mutable_data_ptr());
      for (int64_t t = 0; t < num_slots; ++t) std::memcpy(to + slots[t] * row_bytes, from + t * row_bytes, row_bytes);
      return;
    }
    const at::Tensor index =
        at::from_blob(const_cast<int64_t*>(slots.data()), {num_slots}, at::kLong).to(cache_BSKH.device());
    cache_BSKH.flatten(0, 1).index_copy_(0, index, rows.narrow(0, 0, num_slots).to(cache_BSKH.scalar_type()));
  };
  write(k_TKH, cache->keys(layer));
  write(v_TKH, cache->values(layer));
}

}  // namespace cohort::model
