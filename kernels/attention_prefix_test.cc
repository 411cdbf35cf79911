// SPDX-License-Identifier: Apache-2.0
// Attention of sequences that share a prefix, against the same sequences with the prefix repeated in each.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/attention.h"
#include "kernels/attention_batch_fixture.h"
#include "kernels/attention_reference.h"

namespace cohort::kernels {
namespace {

// A batch without sharing: each prefix stays a sequence, and its rows stand again before the sequences that continue
// it, there without a gradient of their output.
struct RepeatedPrefixes {
  AttentionBatch batch;
  std::vector<int64_t> shared_rows;  // per row: which one of the shared batch it is
  std::vector<bool> is_repeated;     // per row

  explicit RepeatedPrefixes(const AttentionBatch& shared) : batch(shared) {
    for (std::vector<float>* values : {&batch.q, &batch.k, &batch.v, &batch.grad_out}) values->clear();
    batch.cu_seqlens = {0};
    batch.prefixes.clear();
    for (int64_t s = 0; s < shared.num_sequences(); ++s) {
      const int32_t prefix = shared.prefixes[s];
      if (prefix >= 0) AddRows(shared, prefix, /*repeated=*/true);
      AddRows(shared, s, /*repeated=*/false);
      batch.cu_seqlens.push_back(static_cast<int32_t>(shared_rows.size()));
    }
  }

 private:
  void AddRows(const AttentionBatch& shared, int64_t s, bool repeated) {
    const int64_t q_row = shared.shape.num_heads * shared.shape.head_dim;
    const int64_t k_row = shared.shape.num_kv_heads * shared.shape.head_dim;
    for (int64_t t = shared.cu_seqlens[s]; t < shared.cu_seqlens[s + 1]; ++t) {
      const auto copy = [t](const std::vector<float>& from, int64_t row, std::vector<float>* to) {
        to->insert(to->end(), from.begin() + t * row, from.begin() + (t + 1) * row);
      };
      copy(shared.q, q_row, &batch.q);
      copy(shared.k, k_row, &batch.k);
      copy(shared.v, k_row, &batch.v);
      if (repeated) {
        batch.grad_out.insert(batch.grad_out.end(), q_row, 0.0f);
      } else {
        copy(shared.grad_out, q_row, &batch.grad_out);
      }
      shared_rows.push_back(t);
      is_repeated.push_back(repeated);
    }
  }
};

class AttentionPrefixes : public testing::TestWithParam<std::vector<int64_t>> {
 protected:
  AttentionBatch MakeBatch() const {
    return AttentionBatch(GetParam()[0], GetParam()[1], GetParam()[2], kPrefixedLengths, GetParam()[3], kPrefixes);
  }
};

TEST_P(AttentionPrefixes, EveryRowHasTheBitsItHasBehindARepeatedPrefix) {
  const AttentionBatch batch = MakeBatch();
  const RepeatedPrefixes repeated(batch);
  for (const CpuTarget target : SupportedCpuTargets()) {
    const AttentionResult got = EvaluateAttention(batch, target);
    const AttentionResult expected = EvaluateAttention(repeated.batch, target);
    const auto expect_same = [&](const std::vector<float>& a, const std::vector<float>& b, int64_t row, size_t i) {
      EXPECT_EQ(std::memcmp(&a[repeated.shared_rows[i] * row], &b[i * row], row * sizeof(float)), 0)
          << "row " << repeated.shared_rows[i] << ", " << CpuTargetName(target);
    };
    for (size_t i = 0; i < repeated.shared_rows.size(); ++i) {
      const int64_t heads = batch.shape.num_heads;
      expect_same(got.out, expected.out, heads * batch.shape.head_dim, i);
      expect_same(got.row_max, expected.row_max, heads, i);
      expect_same(got.row_sum, expected.row_sum, heads, i);
      if (!repeated.is_repeated[i]) expect_same(got.grad_q, expected.grad_q, heads * batch.shape.head_dim, i);
    }
  }
}

// A prefix comes before its sequences, so going through the rows adds in their order.
TEST_P(AttentionPrefixes, KeyAndValueGradientsAreThoseOfTheRepeatedPrefixesAddedInOrder) {
  const AttentionBatch batch = MakeBatch();
  const RepeatedPrefixes repeated(batch);
  const int64_t row = batch.shape.num_kv_heads * batch.shape.head_dim;
  const auto sum = [&](const std::vector<float>& gradients) {
    std::vector<float> sums(batch.k.size());
    for (size_t i = 0; i < repeated.shared_rows.size(); ++i) {
      for (int64_t h = 0; h < row; ++h) {
        float& target = sums[repeated.shared_rows[i] * row + h];
        const float gradient = gradients[i * row + h];
        target = repeated.is_repeated[i] ? target + gradient : gradient;
      }
    }
    return sums;
  };
  for (const CpuTarget target : SupportedCpuTargets()) {
    const AttentionResult got = EvaluateAttention(batch, target);
    const AttentionResult expected = EvaluateAttention(repeated.batch, target);
    EXPECT_TRUE(SameBits(got.grad_k, sum(expected.grad_k))) << CpuTargetName(target);
    EXPECT_TRUE(SameBits(got.grad_v, sum(expected.grad_v))) << CpuTargetName(target);
  }
}

TEST_P(AttentionPrefixes, ForwardAndBackwardMatchDoubleReference) {
  const AttentionBatch batch = MakeBatch();
  const DoubleAttention reference = AttentionInDouble(batch);
  const AttentionResult result = EvaluateAttention(batch, BestCpuTarget());
  EXPECT_LT(LargestDifference(result.out, reference.out), 3e-6);
  EXPECT_LT(LargestDifference(result.grad_q, reference.grad_q), 1e-5);
  EXPECT_LT(LargestDifference(result.grad_k, reference.grad_k), 1e-4);
  EXPECT_LT(LargestDifference(result.grad_v, reference.grad_v), 1e-4);
}

TEST_P(AttentionPrefixes, BatchWithoutAnyIsTheSameWithAndWithoutTheList) {
  AttentionBatch batch(GetParam()[0], GetParam()[1], GetParam()[2], kRaggedLengths, GetParam()[3]);
  const AttentionResult expected = EvaluateAttention(batch, BestCpuTarget());
  batch.prefixes.assign(kRaggedLengths.size(), -1);
  const AttentionResult got = EvaluateAttention(batch, BestCpuTarget());
  EXPECT_TRUE(SameBits(got.out, expected.out) && SameBits(got.grad_q, expected.grad_q));
  EXPECT_TRUE(SameBits(got.grad_k, expected.grad_k) && SameBits(got.grad_v, expected.grad_v));
}

// Windows: within a block, of one block, over both ends of a prefix, and longer than every sequence.
const std::vector<std::vector<int64_t>> kShapes = {
    {4, 2, 32, 0}, {3, 1, 16, 0},  {6, 2, 20, 0},  {66, 1, 8, 0},   {4, 2, 32, 1},
    {4, 2, 32, 7}, {4, 2, 32, 16}, {6, 2, 20, 23}, {2, 1, 16, 500},
};
INSTANTIATE_TEST_SUITE_P(HeadsKeyHeadsDimWindow, AttentionPrefixes, testing::ValuesIn(kShapes));

}  // namespace
}  // namespace cohort::kernels
