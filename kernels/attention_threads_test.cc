// SPDX-License-Identifier: Apache-2.0
// Attention on several threads: the same bits, with every instruction set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "kernels/attention_batch_fixture.h"
#include "kernels/thread_parallel_for.h"

namespace cohort::kernels {
namespace {

using ::testing::Contains;
using ::testing::Gt;

// Heads, key heads, head dim, window.
const std::vector<std::vector<int64_t>> kShapes = {
    {4, 2, 32, 0}, {3, 1, 16, 0}, {2, 2, 64, 0}, {6, 2, 20, 0}, {4, 1, 128, 0}, {6, 2, 20, 17}, {66, 1, 8, 0},
};

class AttentionThreads : public testing::TestWithParam<std::vector<int64_t>> {
 protected:
  AttentionBatch MakeBatch() const {
    return AttentionBatch(GetParam()[0], GetParam()[1], GetParam()[2], kRaggedLengths, GetParam()[3]);
  }
  // Few sequences that share a prefix, and so many that the sum of their gradients at its rows is shared out too.
  std::vector<AttentionBatch> BatchesWithPrefixes() const {
    std::vector<int32_t> lengths(71, 1), prefixes(71, 0);
    lengths[0] = 64;
    prefixes[0] = -1;
    const std::vector<int64_t>& p = GetParam();
    return {AttentionBatch(p[0], p[1], p[2], kPrefixedLengths, p[3], kPrefixes),
            AttentionBatch(p[0], p[1], p[2], lengths, p[3], prefixes)};
  }
};

void ExpectSame(const AttentionResult& got, const AttentionResult& expected) {
  EXPECT_TRUE(SameBits(got.out, expected.out));
  EXPECT_TRUE(SameBits(got.row_max, expected.row_max));
  EXPECT_TRUE(SameBits(got.row_sum, expected.row_sum));
  EXPECT_TRUE(SameBits(got.grad_q, expected.grad_q));
  EXPECT_TRUE(SameBits(got.grad_k, expected.grad_k));
  EXPECT_TRUE(SameBits(got.grad_v, expected.grad_v));
}

TEST_P(AttentionThreads, NumberOfThreadsChangesNoBitOfForwardAndBackward) {
  const AttentionBatch batch = MakeBatch();
  const AttentionResult expected = EvaluateAttention(batch, CpuTarget::kBaseline);
  for (const CpuTarget target : SupportedCpuTargets()) {
    for (const int64_t num_threads : {1, 2, 3, 5}) {
      SCOPED_TRACE(testing::Message() << num_threads << " threads, " << CpuTargetName(target));
      ExpectSame(EvaluateAttention(batch, {target, ThreadParallelFor(num_threads)}), expected);
    }
  }
}

TEST_P(AttentionThreads, NumberOfThreadsChangesNoBitWithPrefixes) {
  for (const AttentionBatch& batch : BatchesWithPrefixes()) {
    const AttentionResult expected = EvaluateAttention(batch, CpuTarget::kBaseline);
    for (const CpuTarget target : SupportedCpuTargets()) {
      for (const int64_t num_threads : {1, 2, 3, 5}) {
        SCOPED_TRACE(testing::Message() << num_threads << " threads, " << CpuTargetName(target));
        ExpectSame(EvaluateAttention(batch, {target, ThreadParallelFor(num_threads)}), expected);
      }
    }
  }
}

TEST_P(AttentionThreads, OrderOfThePartsChangesNoBit) {
  std::vector<AttentionBatch> batches = BatchesWithPrefixes();
  batches.push_back(MakeBatch());
  std::vector<int64_t> counts;
  for (const AttentionBatch& batch : batches) {
    ExpectSame(EvaluateAttention(batch, {BestCpuTarget(), BackwardParallelFor(&counts)}),
               EvaluateAttention(batch, BestCpuTarget()));
  }
  EXPECT_THAT(counts, Contains(Gt(1))) << "nothing was shared out";
}

// Decode steps and short prefills of sequences whose block tables overlap.
TEST_P(AttentionThreads, NumberOfThreadsChangesNoBitOfPagedRows) {
  const auto heads = GetParam()[0], kv_heads = GetParam()[1], head_dim = GetParam()[2];
  const int32_t num_sequences = 40, num_blocks = 60;
  const AttentionBatch cache(heads, kv_heads, head_dim, {num_blocks * 16}, GetParam()[3]);
  std::vector<int32_t> positions, sequences;
  std::vector<std::vector<int32_t>> tables(num_sequences);
  std::vector<const int32_t*> table_pointers;
  for (int32_t s = 0; s < num_sequences; ++s) {
    for (int32_t b = 0; b < 12; ++b) tables[s].push_back((s * 7 + b * 11) % num_blocks);
    table_pointers.push_back(tables[s].data());
    for (int32_t i = 0; i <= s % 3; ++i) {  // runs of one to three rows
      positions.push_back((s * 37) % 180 + i);
      sequences.push_back(s);
    }
  }
  const auto run = [&](const CpuExecution& cpu) {
    std::vector<float> out(positions.size() * heads * head_dim);
    PagedAttentionForward(cache.shape,
                          {cache.q.data(), cache.k.data(), cache.v.data(), positions.data(), sequences.data(),
                           static_cast<int64_t>(positions.size()), table_pointers.data()},
                          out.data(), cpu);
    return out;
  };
  const std::vector<float> expected = run(CpuTarget::kBaseline);
  for (const CpuTarget target : SupportedCpuTargets()) {
    for (const int64_t num_threads : {2, 3, 5}) {
      EXPECT_TRUE(SameBits(run({target, ThreadParallelFor(num_threads)}), expected))
          << num_threads << " threads, " << CpuTargetName(target);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(HeadsKeyHeadsDimWindow, AttentionThreads, testing::ValuesIn(kShapes));

}  // namespace
}  // namespace cohort::kernels
