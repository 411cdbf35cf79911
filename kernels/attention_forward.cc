// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/aligned_floats.h"
#include "kernels/attention.h"
#include "kernels/attention_block.h"
#include "kernels/attention_keys.h"
#include "kernels/shared_work.h"

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

// Consecutive rows of one sequence, few enough that their query states stay in the first-level cache.
struct RowTile {
  AttentionKeys keys;
  int64_t first_row;
  int64_t num_rows;
  int64_t first_position;
};

constexpr int64_t kTileStates = 64;

int64_t MostTileRows(const AttentionShape& shape) {
  return std::max<int64_t>(1, kTileStates / (shape.num_heads / shape.num_kv_heads));
}

// The tiles of runs of rows and what they cost.
class TileList {
 public:
  explicit TileList(const AttentionShape& shape) : shape_(shape), tile_rows_(MostTileRows(shape)), window_(shape) {}

  void AddRun(const AttentionKeys& keys, int64_t first_row, int64_t num_rows, int64_t first_position) {
    for (int64_t start = 0; start < num_rows; start += tile_rows_) {
      const RowTile tile{keys, first_row + start, std::min(tile_rows_, num_rows - start), first_position + start};
      const int64_t last_position = tile.first_position + tile.num_rows - 1;
      visited_keys_ += tile.num_rows * (last_position + 1 - window_.FirstKey(tile.first_position));
      tiles_.push_back(tile);
    }
  }

  const std::vector<RowTile>& tiles() const { return tiles_; }
  // Multiplications and additions, roughly.
  int64_t work() const { return 4 * visited_keys_ * shape_.num_heads * shape_.head_dim; }

 private:
  const AttentionShape shape_;
  const int64_t tile_rows_;
  const AttentionWindow window_;
  std::vector<RowTile> tiles_;
  int64_t visited_keys_ = 0;
};

struct ForwardOutputs {
  float* out_TNH;
  float* row_max_TN;
  float* row_sum_TN;
};

// Forward pass of one (tile, key head) at a time. Holds the scratch of one thread.
class ForwardPass {
 public:
  ForwardPass(const AttentionShape& shape, const float* q_TNH, const ForwardOutputs& outputs, CpuTarget target)
      : shape_(shape),
        group_(shape.num_heads / shape.num_kv_heads),
        padded_(PaddedHeadDim(shape.head_dim)),
        window_(shape),
        q_TNH_(q_TNH),
        outputs_(outputs),
        functions_(GetAttentionBlockFunctions(target)),
        states_(MostTileRows(shape) * group_),
        accumulators_(AllocateAlignedFloats(MostTileRows(shape) * group_ * padded_)),
        scratch_(AllocateAlignedFloats(functions_.scratch_floats(shape.head_dim))) {}

  void Run(const RowTile& tile, int64_t kv_head) {
    Begin(tile, kv_head);
    const int64_t num_tokens = tile.first_position + tile.num_rows;
    for (int64_t start = window_.FirstBlock(tile.first_position); start < num_tokens; start += kAttentionBlockTokens) {
      // Rows before this block see none of it, nor do rows whose window begins behind it.
      const int64_t first_row = std::max<int64_t>(0, start - tile.first_position);
      const int64_t end_row = std::min(tile.num_rows, window_.EndPosition(start) - tile.first_position);
      for (int64_t r = first_row; r < end_row; ++r) {
        window_.SetVisible(tile.first_position + r, start, &states_[r * group_], group_);
      }
      functions_.forward(tile.keys.Block(shape_, kv_head, start, std::min(kAttentionBlockTokens, num_tokens - start)),
                         scratch_.get(), states_.data() + first_row * group_, (end_row - first_row) * group_);
    }
    Finish(tile, kv_head);
  }

 private:
  void Begin(const RowTile& tile, int64_t kv_head) {
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

  void Finish(const RowTile& tile, int64_t kv_head) {
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
  const AttentionWindow window_;
  const float* const q_TNH_;
  const ForwardOutputs outputs_;
  const AttentionBlockFunctions& functions_;
  std::vector<QueryState> states_;
  AlignedFloats accumulators_;
  AlignedFloats scratch_;
};

// Every (tile, key head) writes rows of its own. Late tiles of a sequence see the most keys, so the list is run from
// its end.
void RunTiles(const AttentionShape& shape, const TileList& list, const float* q_TNH, const ForwardOutputs& outputs,
              const CpuExecution& cpu) {
  const int64_t num_items = static_cast<int64_t>(list.tiles().size()) * shape.num_kv_heads;
  ShareUnequalItems(cpu, num_items, list.work(), [&](ItemQueue* queue) {
    ForwardPass pass(shape, q_TNH, outputs, cpu.target);
    for (int64_t item; queue->Next(&item);) {
      const int64_t place = num_items - 1 - item;
      pass.Run(list.tiles()[place / shape.num_kv_heads], place % shape.num_kv_heads);
    }
  });
}

}  // namespace

void PackedAttentionForward(const AttentionShape& shape, const PackedSequences& sequences, float* out_TNH,
                            float* row_max_TN, float* row_sum_TN, const CpuExecution& cpu) {
  TileList list(shape);
  for (int64_t s = 0; s < sequences.num_sequences; ++s) {
    const SequenceRows rows = RowsOf(sequences, s);
    list.AddRun(AttentionKeys(sequences.k_TKH, sequences.v_TKH, rows), rows.first_row, rows.num_rows,
                /*first_position=*/rows.prefix_tokens);
  }
  RunTiles(shape, list, sequences.q_TNH, {out_TNH, row_max_TN, row_sum_TN}, cpu);
}

void PagedAttentionForward(const AttentionShape& shape, const PagedRows& rows, float* out_TNH,
                           const CpuExecution& cpu) {
  TileList list(shape);
  for (int64_t first = 0, end = 0; first < rows.num_rows; first = end) {
    end = first + 1;
    while (end < rows.num_rows && rows.sequences[end] == rows.sequences[first] &&
           rows.positions[end] == rows.positions[end - 1] + 1) {
      ++end;
    }
    list.AddRun(AttentionKeys(rows.keys_BSKH, rows.values_BSKH, rows.block_tables[rows.sequences[first]]), first,
                end - first, rows.positions[first]);
  }
  RunTiles(shape, list, rows.q_TNH, {out_TNH, nullptr, nullptr}, cpu);
}

}  // namespace cohort::kernels
