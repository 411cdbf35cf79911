// SPDX-License-Identifier: Apache-2.0
// The operators on the threads of LibTorch's pool: they are used, and change no bit.
// Shapes: T rows, N query heads, K key/value heads, H head dim, V vocabulary.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "kernels/torch/adamw_op.h"
#include "kernels/torch/at_parallel_for.h"
#include "kernels/torch/attention_op.h"
#include "kernels/torch/logprob_op.h"
#include "kernels/torch/square_sum_op.h"

namespace cohort::kernels {
namespace {

// Puts the thread count back.
class TorchThreadsTest : public testing::Test {
 protected:
  void TearDown() override { at::set_num_threads(threads_); }

  // Calls `run` on 1, 2, 3 and 5 threads and expects the same tensors.
  void ExpectSameBits(const std::function<std::vector<at::Tensor>()>& run) {
    at::set_num_threads(1);
    const std::vector<at::Tensor> expected = run();
    for (const int threads : {2, 3, 5}) {
      at::set_num_threads(threads);
      const std::vector<at::Tensor> got = run();
      ASSERT_EQ(got.size(), expected.size());
      for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(got[i].equal(expected[i])) << i << ", " << threads;
    }
  }

 private:
  int threads_ = at::get_num_threads();
};

TEST_F(TorchThreadsTest, WorkIsSharedByAsManyThreadsAsLibTorchMayUse) {
  for (const size_t threads : {1, 2, 3}) {
    at::set_num_threads(static_cast<int>(threads));
    std::mutex mutex;
    std::set<std::thread::id> seen;
    int64_t covered = 0;
    AtParallelFor(12, [&](int64_t first, int64_t last) {
      const std::lock_guard<std::mutex> lock(mutex);
      seen.insert(std::this_thread::get_id());
      covered += last - first;
    });
    EXPECT_EQ(seen.size(), threads);
    EXPECT_EQ(covered, 12);
  }
}

TEST_F(TorchThreadsTest, NothingToDoCallsNothingAndWhatIsThrownReachesTheCaller) {
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    AtParallelFor(0, [](int64_t, int64_t) { FAIL(); });
    const auto fail = [](int64_t, int64_t) { throw std::runtime_error("body"); };
    EXPECT_THROW(AtParallelFor(4, fail), std::runtime_error);
  }
}

TEST_F(TorchThreadsTest, AttentionAndItsGradientsHaveTheSameBits) {
  at::manual_seed(1);
  const std::vector<int32_t> cu_seqlens = {0, 1, 300, 300, 317, 512};
  const at::Tensor q = at::randn({520, 4, 32}).requires_grad_(true), k = at::randn({520, 2, 32}).requires_grad_(true);
  const at::Tensor v = at::randn({520, 2, 32}).requires_grad_(true), grad = at::randn({520, 4, 32});
  for (const int64_t window : {0, 40}) {
    ExpectSameBits([&] {
      const at::Tensor out = PackedCausalAttention(q, k, v, cu_seqlens, {0.2, window});
      std::vector<at::Tensor> results = torch::autograd::grad({out}, {q, k, v}, {grad});
      results.push_back(out.detach());
      return results;
    });
  }
}

TEST_F(TorchThreadsTest, PagedAttentionHasTheSameBits) {
  at::manual_seed(2);
  const at::Tensor q = at::randn({64, 8, 64}), keys = at::randn({200, 16, 2, 64}), values = at::randn({200, 16, 2, 64});
  std::vector<int32_t> positions, sequences;
  std::vector<std::vector<int32_t>> tables(64);
  for (int32_t s = 0; s < 64; ++s) {
    positions.push_back(s * 5 % 160);
    sequences.push_back(s);
    for (int32_t b = 0; b < 10; ++b) tables[s].push_back((s * 13 + b * 7) % 200);
  }
  ExpectSameBits([&] { return std::vector{PagedAttention(q, keys, values, positions, sequences, tables, {0.125})}; });
}

TEST_F(TorchThreadsTest, LogprobsAndTheirGradientsHaveTheSameBits) {
  at::manual_seed(3);
  const at::Tensor logits_TV = at::randn({70, 5003}), targets_T = at::randint(0, 5003, {70}, at::kLong);
  const at::Tensor grad_T = at::randn({70}), entropy_grad_T = at::randn({70});
  ExpectSameBits([&] {
    const LogprobAndEntropy forward = LogprobForward(logits_TV, targets_T, 0.7);
    at::Tensor gradient_TV = logits_TV.clone();
    LogprobBackwardInPlace(gradient_TV, targets_T, {grad_T, entropy_grad_T}, 0.7);
    return std::vector{forward.logprobs_T, forward.entropies_T, gradient_TV};
  });
}

TEST_F(TorchThreadsTest, AdamWItsCastAndTheSquareSumHaveTheSameBits) {
  at::manual_seed(4);
  const at::Tensor start = at::randn({100003}), grad = at::randn({100003});
  ExpectSameBits([&] {
    at::Tensor param = start.clone(), exp_avg = at::zeros_like(start), exp_avg_sq = at::zeros_like(start);
    at::Tensor param_bf16 = at::empty_like(start, at::kBFloat16);
    AdamWStep(param, grad, exp_avg, exp_avg_sq, {.learning_rate = 0.1, .gradient_scale = 0.3}, param_bf16);
    EXPECT_TRUE(param_bf16.equal(param.to(at::kBFloat16)));
    return std::vector{param, exp_avg, exp_avg_sq, at::scalar_tensor(SquareSum(grad), at::kDouble)};
  });
}

TEST_F(TorchThreadsTest, SquareSumOfAnyTensorIsThatOfItsNumbers) {
  const at::Tensor matrix = at::arange(12, at::kFloat).view({3, 4});
  EXPECT_DOUBLE_EQ(SquareSum(matrix), 506);
  EXPECT_NEAR(SquareSum(matrix.t()), 506, 1e-9);                // strided: ATen
  EXPECT_NEAR(SquareSum(matrix.to(at::kBFloat16)), 506, 1e-9);  // another type: ATen
}

TEST_F(TorchThreadsTest, ACastOfAnotherShapeOrTypeIsRefused) {
  at::Tensor param = at::ones({3}), exp_avg = at::zeros({3}), exp_avg_sq = at::zeros({3});
  for (const at::Tensor& cast : {at::empty({4}, at::kBFloat16), at::empty({3}, at::kHalf)}) {
    EXPECT_THROW(AdamWStep(param, at::ones({3}), exp_avg, exp_avg_sq, {.learning_rate = 0.1}, cast), c10::Error);
  }
  EXPECT_TRUE(param.equal(at::ones({3})));
}

}  // namespace
}  // namespace cohort::kernels
