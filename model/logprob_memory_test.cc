// SPDX-License-Identifier: Apache-2.0
// The head in chunks: what it allocates, and that threads and chunks change what they may and nothing else.
// Shapes: T rows, D hidden size, V vocabulary.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "kernels/torch/tensor_memory.h"
#include "model/logprob.h"
#include "model/testing/full_logits_head.h"

namespace cohort::model {
namespace {

constexpr int64_t kRows = 6144, kDim = 24, kVocabulary = 600;
constexpr int64_t kFullLogitsBytes = kRows * kVocabulary * 4;

struct Head {
  at::Tensor hidden_TD, weight_VD, targets_T, grad_T, entropy_grad_T;
  std::vector<int32_t> targets;

  Head() {
    at::manual_seed(5);
    hidden_TD = at::randn({kRows, kDim}).requires_grad_(true);
    weight_VD = (at::randn({kVocabulary, kDim}) * 0.3).requires_grad_(true);
    targets_T = at::randint(0, kVocabulary, {kRows}, at::kLong);
    grad_T = at::randn({kRows});
    entropy_grad_T = at::randn({kRows});
    for (int64_t t = 0; t < kRows; ++t) targets.push_back(targets_T[t].item<int32_t>());
  }

  TokenLogprobs Ours(int64_t max_rows_per_chunk, bool with_entropy) const {
    return ComputeTokenLogprobs(hidden_TD, weight_VD, targets, 0.8, max_rows_per_chunk, with_entropy).value();
  }
  std::vector<at::Tensor> Gradients(const TokenLogprobs& outputs, bool with_entropy) const {
    if (!with_entropy) return torch::autograd::grad({outputs.logprobs_T}, {hidden_TD, weight_VD}, {grad_T});
    return torch::autograd::grad({outputs.logprobs_T, outputs.entropies_T}, {hidden_TD, weight_VD},
                                 {grad_T, entropy_grad_T});
  }
};

class LogprobMemoryTest : public testing::Test {
 protected:
  void TearDown() override { at::set_num_threads(threads_); }

  const Head head_;

 private:
  int threads_ = at::get_num_threads();
};

double LargestDifference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

// Above the gradients that both ways return. The chunk is the learner's.
TEST_F(LogprobMemoryTest, ForwardAndBackwardTakeAnEighthOfWhatFullLogitsTake) {
  const int64_t returned = (kRows * kDim + kVocabulary * kDim) * 4;
  for (const bool with_entropy : {false, true}) {
    kernels::TensorMemory memory;
    const int64_t before = memory.live_bytes();
    head_.Gradients(FullLogitsHead(head_.hidden_TD, head_.weight_VD, head_.targets_T, 0.8, with_entropy), with_entropy);
    const int64_t peer = memory.peak_bytes() - before - returned;
    memory.Restart();
    head_.Gradients(head_.Ours(/*max_rows_per_chunk=*/1024, with_entropy), with_entropy);
    const int64_t ours = memory.peak_bytes() - before - returned;
    EXPECT_GE(peer, 2 * kFullLogitsBytes) << "the count must work";
    EXPECT_GE(ours, 1024 * kVocabulary * 4) << "the count must work";
    EXPECT_LE(8 * ours, peer) << ours << " of " << peer;
  }
}

TEST_F(LogprobMemoryTest, ForwardWithoutHistoryHoldsOneChunkOfLogits) {
  const at::NoGradGuard no_grad;
  for (const int64_t chunk : {64, 1024}) {
    kernels::TensorMemory memory;
    const int64_t before = memory.live_bytes();
    head_.Ours(chunk, /*with_entropy=*/false);
    const int64_t peak = memory.peak_bytes() - before;
    const int64_t chunk_bytes = chunk * kVocabulary * 4;
    EXPECT_GE(peak, chunk_bytes);
    // Two results and the targets, a chunk's results, and what is left of padding.
    EXPECT_LE(peak, chunk_bytes + kRows * 16 + chunk * 8 + (16 << 10)) << chunk;
  }
}

TEST_F(LogprobMemoryTest, ValuesAndGradientsAgreeWithFullLogits) {
  for (const bool with_entropy : {false, true}) {
    const TokenLogprobs peer = FullLogitsHead(head_.hidden_TD, head_.weight_VD, head_.targets_T, 0.8, with_entropy);
    const TokenLogprobs ours = head_.Ours(/*max_rows_per_chunk=*/512, with_entropy);
    EXPECT_LT(LargestDifference(ours.logprobs_T, peer.logprobs_T), 2e-5);
    EXPECT_LT(LargestDifference(ours.entropies_T, peer.entropies_T), 2e-5);
    const auto our_gradients = head_.Gradients(ours, with_entropy),
               peer_gradients = head_.Gradients(peer, with_entropy);
    EXPECT_LT(LargestDifference(our_gradients[0], peer_gradients[0]), 2e-5);
    // Sums of 6,144 terms of order 1.
    EXPECT_LT(LargestDifference(our_gradients[1], peer_gradients[1]), 1e-3);
  }
}

// The first backward pass overwrites the logits that waited for it.
TEST_F(LogprobMemoryTest, SecondBackwardPassThroughTheSameGraphGivesTheSameBits) {
  for (const int64_t chunk : {1024, 8192}) {  // several, and one that holds all rows
    const TokenLogprobs ours = head_.Ours(chunk, /*with_entropy=*/false);
    std::vector<std::vector<at::Tensor>> gradients;
    for (int i = 0; i < 2; ++i) {
      gradients.push_back(torch::autograd::grad({ours.logprobs_T}, {head_.hidden_TD, head_.weight_VD}, {head_.grad_T},
                                                /*retain_graph=*/true));
    }
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(gradients[0][i].equal(gradients[1][i])) << i << ", " << chunk;
  }
}

TEST_F(LogprobMemoryTest, NumberOfThreadsChangesNoBitOfValuesAndGradients) {
  for (const bool with_entropy : {false, true}) {
    const auto run = [&](int threads) {
      at::set_num_threads(threads);
      const TokenLogprobs ours = head_.Ours(/*max_rows_per_chunk=*/1024, with_entropy);
      std::vector<at::Tensor> results = head_.Gradients(ours, with_entropy);
      results.push_back(ours.logprobs_T.detach());
      results.push_back(ours.entropies_T.detach());
      return results;
    };
    const std::vector<at::Tensor> expected = run(1);
    for (const int threads : {2, 3, 5}) {
      const std::vector<at::Tensor> got = run(threads);
      for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(got[i].equal(expected[i])) << i << ", " << threads;
    }
  }
}

}  // namespace
}  // namespace cohort::model
