// SPDX-License-Identifier: Apache-2.0
#include "model/logprob.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "absl/strings/match.h"

namespace cohort::model {
namespace {

struct Problem {
  at::Tensor hidden_TD, weight_VD;
  std::vector<int32_t> targets;
};

Problem MakeProblem(int64_t rows, int64_t dim, int64_t vocab_size) {
  at::manual_seed(rows * 7 + vocab_size);
  Problem problem{at::randn({rows, dim}), at::randn({vocab_size, dim}) * 0.3, {}};
  for (int64_t t = 0; t < rows; ++t) problem.targets.push_back(static_cast<int32_t>(t * 13 % vocab_size));
  return problem;
}

TEST(LogprobTest, AgreesWithDoublePrecision) {
  for (const int64_t vocab_size : {2, 21, 50, 1500}) {
    const Problem p = MakeProblem(29, 64, vocab_size);
    const TokenLogprobs got = ComputeTokenLogprobs(p.hidden_TD, p.weight_VD, p.targets, 0.8).value();
    const at::Tensor truth =
        at::log_softmax(at::linear(p.hidden_TD.to(at::kDouble), p.weight_VD.to(at::kDouble)) / 0.8, -1);
    const at::Tensor targets = at::tensor(std::vector<int64_t>(p.targets.begin(), p.targets.end())).unsqueeze(1);
    EXPECT_LT((got.logprobs_T - truth.gather(1, targets).squeeze(1)).abs().max().item<double>(), 1e-5);
    EXPECT_LT((got.entropies_T + (truth.exp() * truth).sum(-1)).abs().max().item<double>(), 1e-5);
  }
}

TEST(LogprobTest, ChunksDoNotChangeABit) {
  const Problem p = MakeProblem(101, 64, 50);
  const TokenLogprobs whole = ComputeTokenLogprobs(p.hidden_TD, p.weight_VD, p.targets, 1.0).value();
  for (const int64_t chunk : {1, 8, 13, 24, 96, 101, 104}) {
    const TokenLogprobs parts = ComputeTokenLogprobs(p.hidden_TD, p.weight_VD, p.targets, 1.0, chunk).value();
    EXPECT_TRUE(at::equal(whole.logprobs_T, parts.logprobs_T)) << chunk;
    EXPECT_TRUE(at::equal(whole.entropies_T, parts.entropies_T)) << chunk;
  }
}

TEST(LogprobTest, GradientsAgreeWithAutograd) {
  const Problem p = MakeProblem(45, 32, 40);
  const at::Tensor weights_T = at::cos(at::arange(45, at::kDouble));
  const at::Tensor hidden = p.hidden_TD.to(at::kDouble).requires_grad_(true);
  const at::Tensor weight = p.weight_VD.to(at::kDouble).requires_grad_(true);
  const at::Tensor targets = at::tensor(std::vector<int64_t>(p.targets.begin(), p.targets.end())).unsqueeze(1);
  (at::log_softmax(at::linear(hidden, weight) / 0.6, -1).gather(1, targets).squeeze(1) * weights_T).sum().backward();
  p.hidden_TD.requires_grad_(true);
  p.weight_VD.requires_grad_(true);
  const TokenLogprobs got = ComputeTokenLogprobs(p.hidden_TD, p.weight_VD, p.targets, 0.6, 16).value();
  (got.logprobs_T * weights_T.to(at::kFloat)).sum().backward();
  EXPECT_LT((p.hidden_TD.grad() - hidden.grad()).abs().max().item<double>(), 1e-5);
  EXPECT_LT((p.weight_VD.grad() - weight.grad()).abs().max().item<double>(), 1e-5);
}

// A loss of log-probs and entropies, of entropies alone, or of log-probs alone although entropies could be used.
TEST(LogprobTest, EntropyGradientsAgreeWithAutograd) {
  for (const auto& [use_logprobs, use_entropies] :
       std::vector<std::pair<bool, bool>>{{true, true}, {false, true}, {true, false}}) {
    Problem p = MakeProblem(45, 32, 40);
    const at::Tensor logprob_weights_T = at::cos(at::arange(45, at::kDouble)) * use_logprobs;
    const at::Tensor entropy_weights_T = at::sin(at::arange(45, at::kDouble)) * use_entropies;
    const at::Tensor hidden = p.hidden_TD.to(at::kDouble).requires_grad_(true);
    const at::Tensor weight = p.weight_VD.to(at::kDouble).requires_grad_(true);
    const at::Tensor targets = at::tensor(std::vector<int64_t>(p.targets.begin(), p.targets.end())).unsqueeze(1);
    const at::Tensor all_TV = at::log_softmax(at::linear(hidden, weight) / 0.6, -1);
    ((all_TV.gather(1, targets).squeeze(1) * logprob_weights_T).sum() -
     (all_TV.exp() * all_TV).sum(-1).mul(entropy_weights_T).sum())
        .backward();
    p.hidden_TD.requires_grad_(true);
    p.weight_VD.requires_grad_(true);
    const TokenLogprobs got = ComputeTokenLogprobs(p.hidden_TD, p.weight_VD, p.targets, 0.6, 16,
                                                   /*differentiable_entropies=*/true)
                                  .value();
    at::Tensor loss = at::zeros({});
    if (use_logprobs) loss = loss + (got.logprobs_T * logprob_weights_T.to(at::kFloat)).sum();
    if (use_entropies) loss = loss + (got.entropies_T * entropy_weights_T.to(at::kFloat)).sum();
    loss.backward();
    EXPECT_LT((p.hidden_TD.grad() - hidden.grad()).abs().max().item<double>(), 1e-5);
    EXPECT_LT((p.weight_VD.grad() - weight.grad()).abs().max().item<double>(), 2e-5);
  }
}

TEST(LogprobTest, EntropiesHaveNoHistoryUnlessAskedForAndTheAnswerChangesNoBit) {
  std::vector<at::Tensor> gradients;
  for (const bool differentiable : {false, true}) {
    Problem p = MakeProblem(45, 32, 40);
    p.hidden_TD.requires_grad_(true);
    const TokenLogprobs got =
        ComputeTokenLogprobs(p.hidden_TD, p.weight_VD, p.targets, 0.6, 16, differentiable).value();
    EXPECT_EQ(got.entropies_T.requires_grad(), differentiable);
    got.logprobs_T.sum().backward();
    gradients.push_back(p.hidden_TD.grad());
  }
  EXPECT_TRUE(at::equal(gradients[0], gradients[1]));
}

TEST(LogprobTest, NoRowsGiveNothing) {
  const TokenLogprobs got = ComputeTokenLogprobs(at::empty({0, 8}), at::zeros({4, 8}), {}, 1.0).value();
  EXPECT_EQ(got.logprobs_T.size(0), 0);
  EXPECT_EQ(ComputeLogits(at::empty({0, 8}), at::zeros({4, 8}))->sizes(), at::IntArrayRef({0, 4}));
}

TEST(LogprobTest, BadArgumentsAreNamed) {
  const Problem p = MakeProblem(3, 8, 5);
  const auto message = [&](std::vector<int32_t> targets, double temperature) {
    const absl::Status status = ComputeTokenLogprobs(p.hidden_TD, p.weight_VD, targets, temperature).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_TRUE(absl::StrContains(message({0, 5, 0}, 1.0), "row 1"));
  EXPECT_TRUE(absl::StrContains(message({0, 0}, 1.0), "2 for 3 rows"));
  EXPECT_TRUE(absl::StrContains(message({0, 0, 0}, 0.0), "temperature"));
  EXPECT_EQ(ComputeLogits(p.hidden_TD, at::zeros({5, 9})).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cohort::model
