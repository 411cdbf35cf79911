// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/attention_batch_fixture.h"
#include "kernels/attention_reference.h"

namespace cohort::kernels {
namespace {

// A cache with shuffled blocks whose unwritten tokens are NaN: reading one would show.
struct Cache {
  std::vector<float> keys, values;
  std::vector<std::vector<int32_t>> tables;
  std::vector<const int32_t*> table_pointers;

  explicit Cache(const AttentionBatch& b) {
    const int64_t row = b.shape.num_kv_heads * b.shape.head_dim;
    const int64_t num_sequences = b.packed().num_sequences;
    int32_t num_blocks = 0;
    for (int64_t s = 0; s < num_sequences; ++s) num_blocks += (b.cu_seqlens[s + 1] - b.cu_seqlens[s] + 15) / 16;
    std::vector<int32_t> free(num_blocks);
    for (int32_t i = 0; i < num_blocks; ++i) free[i] = i;
    std::shuffle(free.begin(), free.end(), std::mt19937(7));
    keys.assign(num_blocks * 16 * row, std::numeric_limits<float>::quiet_NaN());
    values = keys;
    for (int64_t s = 0; s < num_sequences; ++s) {
      tables.emplace_back();
      for (int32_t t = b.cu_seqlens[s]; t < b.cu_seqlens[s + 1]; ++t) {
        const int32_t position = t - b.cu_seqlens[s];
        if (position % 16 == 0) {
          tables.back().push_back(free.back());
          free.pop_back();
        }
        const int64_t place = (tables.back().back() * 16 + position % 16) * row;
        std::copy_n(b.k.begin() + t * row, row, keys.begin() + place);
        std::copy_n(b.v.begin() + t * row, row, values.begin() + place);
      }
    }
    for (const auto& table : tables) table_pointers.push_back(table.data());
  }
};

// Runs the named rows of the batch, in that order, through the paged operator.
void ExpectPagedEqualsPacked(const AttentionBatch& b, const std::vector<int32_t>& rows, const char* what) {
  const Cache cache(b);
  const int64_t row_floats = b.shape.num_heads * b.shape.head_dim;
  std::vector<float> q, out(rows.size() * row_floats);
  std::vector<int32_t> positions, sequences;
  for (const int32_t t : rows) {
    int32_t s = 0;
    while (b.cu_seqlens[s + 1] <= t) ++s;
    sequences.push_back(s);
    positions.push_back(t - b.cu_seqlens[s]);
    q.insert(q.end(), b.q.begin() + t * row_floats, b.q.begin() + (t + 1) * row_floats);
  }
  for (const CpuTarget target : SupportedCpuTargets()) {
    PagedAttentionForward(b.shape,
                          {q.data(), cache.keys.data(), cache.values.data(), positions.data(), sequences.data(),
                           static_cast<int64_t>(rows.size()), cache.table_pointers.data()},
                          out.data(), target);
    const std::vector<float> packed = EvaluateAttention(b, target).out;
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(std::memcmp(&out[i * row_floats], &packed[rows[i] * row_floats], row_floats * sizeof(float)), 0)
          << what << ": row " << rows[i] << " of sequence " << sequences[i] << ", " << CpuTargetName(target);
    }
  }
}

class AttentionShapes : public testing::TestWithParam<std::vector<int64_t>> {
 protected:
  AttentionBatch MakeBatch() const {
    return AttentionBatch(GetParam()[0], GetParam()[1], GetParam()[2], kRaggedLengths, GetParam()[3]);
  }
};

TEST_P(AttentionShapes, ForwardAndBackwardMatchDoubleReference) {
  const AttentionBatch batch = MakeBatch();
  const DoubleAttention reference = AttentionInDouble(batch);
  const AttentionResult result = EvaluateAttention(batch, BestCpuTarget());
  EXPECT_LT(LargestDifference(result.out, reference.out), 3e-6);
  EXPECT_LT(LargestDifference(result.grad_q, reference.grad_q), 1e-5);
  EXPECT_LT(LargestDifference(result.grad_k, reference.grad_k), 2e-5);
  EXPECT_LT(LargestDifference(result.grad_v, reference.grad_v), 2e-5);
}

TEST_P(AttentionShapes, EveryInstructionSetGivesTheSameBits) {
  const AttentionBatch batch = MakeBatch();
  const AttentionResult expected = EvaluateAttention(batch, CpuTarget::kBaseline);
  for (const CpuTarget target : SupportedCpuTargets()) {
    const AttentionResult result = EvaluateAttention(batch, target);
    EXPECT_TRUE(SameBits(result.out, expected.out)) << CpuTargetName(target);
    EXPECT_TRUE(SameBits(result.row_max, expected.row_max)) << CpuTargetName(target);
    EXPECT_TRUE(SameBits(result.row_sum, expected.row_sum)) << CpuTargetName(target);
    EXPECT_TRUE(SameBits(result.grad_q, expected.grad_q)) << CpuTargetName(target);
    EXPECT_TRUE(SameBits(result.grad_k, expected.grad_k)) << CpuTargetName(target);
    EXPECT_TRUE(SameBits(result.grad_v, expected.grad_v)) << CpuTargetName(target);
  }
}

TEST_P(AttentionShapes, DecodingOneRowAtATimeEqualsPacked) {
  const AttentionBatch batch = MakeBatch();
  std::vector<int32_t> rows;  // every row, interleaved so that no two neighbours belong together
  for (int32_t t = 0; t < batch.num_rows(); ++t) rows.push_back(static_cast<int32_t>((t * 7919) % batch.num_rows()));
  ExpectPagedEqualsPacked(batch, rows, "decode");
}

TEST_P(AttentionShapes, PagedPrefillEqualsPacked) {
  const AttentionBatch batch = MakeBatch();
  std::vector<int32_t> rows;
  for (int32_t t = 0; t < batch.num_rows(); ++t) rows.push_back(t);
  ExpectPagedEqualsPacked(batch, rows, "prefill");
  rows.erase(rows.begin() + 90, rows.begin() + 103);  // a prefill that starts inside a block
  ExpectPagedEqualsPacked(batch, rows, "prefill after a cached prefix");
}

TEST_P(AttentionShapes, PackingDoesNotChangeASequence) {
  const AttentionBatch batch = MakeBatch();
  const AttentionResult together = EvaluateAttention(batch, BestCpuTarget());
  for (size_t s = 0; s + 1 < batch.cu_seqlens.size(); ++s) {
    AttentionBatch alone = batch;
    const int64_t first = batch.cu_seqlens[s], last = batch.cu_seqlens[s + 1];
    if (first == last) continue;
    const auto cut = [&](std::vector<float>& values, int64_t row) {
      values = std::vector<float>(values.begin() + first * row, values.begin() + last * row);
    };
    const int64_t q_row = batch.shape.num_heads * batch.shape.head_dim;
    const int64_t k_row = batch.shape.num_kv_heads * batch.shape.head_dim;
    for (auto* values : {&alone.q, &alone.grad_out}) cut(*values, q_row);
    for (auto* values : {&alone.k, &alone.v}) cut(*values, k_row);
    alone.cu_seqlens = {0, static_cast<int32_t>(last - first)};
    const AttentionResult result = EvaluateAttention(alone, BestCpuTarget());
    EXPECT_EQ(std::memcmp(result.out.data(), &together.out[first * q_row], result.out.size() * sizeof(float)), 0);
    EXPECT_EQ(std::memcmp(result.grad_k.data(), &together.grad_k[first * k_row], result.grad_k.size() * sizeof(float)),
              0);
  }
}

const std::vector<std::vector<int64_t>> kShapes = {
    {4, 2, 32, 0},  {3, 1, 16, 0}, {2, 2, 64, 0},  {6, 2, 20, 0},  {1, 1, 3, 0},
    {8, 1, 128, 0}, {4, 2, 32, 1}, {4, 2, 32, 16}, {6, 2, 20, 17}, {2, 1, 16, 37},
};
INSTANTIATE_TEST_SUITE_P(HeadsKeyHeadsDimWindow, AttentionShapes, testing::ValuesIn(kShapes));

TEST(AttentionTest, WindowOfTheWholeSequenceChangesNoBit) {
  const AttentionResult all = EvaluateAttention(AttentionBatch(4, 2, 32, kRaggedLengths), BestCpuTarget());
  const AttentionResult windowed =
      EvaluateAttention(AttentionBatch(4, 2, 32, kRaggedLengths, /*window=*/130), BestCpuTarget());
  EXPECT_TRUE(SameBits(windowed.out, all.out) && SameBits(windowed.grad_q, all.grad_q));
  EXPECT_TRUE(SameBits(windowed.grad_k, all.grad_k) && SameBits(windowed.grad_v, all.grad_v));
}

TEST(AttentionTest, LargeScoresDoNotOverflow) {
  AttentionBatch batch(2, 1, 32, {40});
  for (float& value : batch.q) value *= 200.0f;
  for (float& value : batch.k) value *= 200.0f;
  const AttentionResult result = EvaluateAttention(batch, BestCpuTarget());
  EXPECT_LT(LargestDifference(result.out, AttentionInDouble(batch).out), 5e-2);
  for (const float value : result.grad_q) EXPECT_TRUE(std::isfinite(value));
}

TEST(AttentionTest, MoreQueryHeadsThanATileHoldsMatchTheReference) {
  const AttentionBatch batch(130, 2, 16, {1, 19, 0, 33});
  const AttentionResult result = EvaluateAttention(batch, BestCpuTarget());
  EXPECT_LT(LargestDifference(result.out, AttentionInDouble(batch).out), 3e-6);
  std::vector<int32_t> rows(batch.num_rows());
  for (int32_t t = 0; t < batch.num_rows(); ++t) rows[t] = batch.num_rows() - 1 - t;
  ExpectPagedEqualsPacked(batch, rows, "decode of many heads");
}

TEST(AttentionTest, NoRowsAreNothingToDo) {
  for (const std::vector<int32_t>& lengths : {std::vector<int32_t>{}, {0}, {0, 0}}) {
    const AttentionBatch batch(4, 2, 32, lengths);
    for (const CpuTarget target : SupportedCpuTargets()) {
      EXPECT_TRUE(EvaluateAttention(batch, target).out.empty());
      PagedAttentionForward(batch.shape, {}, nullptr, target);
    }
  }
}

TEST(AttentionTest, NanInAKeyReachesTheRowsThatSeeItAlone) {
  AttentionBatch batch(2, 1, 32, {40}, /*window=*/7);
  const AttentionResult clean = EvaluateAttention(batch, BestCpuTarget());
  const int64_t row = 2 * 32;
  batch.k[10 * 32] = batch.v[10 * 32] = std::numeric_limits<float>::quiet_NaN();
  const AttentionResult dirty = EvaluateAttention(batch, BestCpuTarget());
  for (int64_t t = 0; t < 40; ++t) {
    const bool is_same = std::memcmp(&clean.out[t * row], &dirty.out[t * row], row * sizeof(float)) == 0;
    EXPECT_EQ(is_same, t < 10 || t >= 17) << t;
    EXPECT_EQ(std::isnan(dirty.out[t * row]), !is_same) << t;
    EXPECT_EQ(std::isnan(dirty.grad_q[t * row]), !is_same) << t;
  }
}

}  // namespace
}  // namespace cohort::kernels
