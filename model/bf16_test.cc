// SPDX-License-Identifier: Apache-2.0
// What bf16 keeps of fp32, and what is fp32 in it.
// Shapes: T rows, D hidden size, V vocabulary.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "model/decoder.h"
#include "model/frozen_parameters.h"
#include "model/kv_cache.h"
#include "model/logprob.h"
#include "model/row_independence.h"
#include "model/testing/packed_sequences.h"
#include "model/testing/tiny_model.h"

namespace cohort::model {
namespace {

at::Tensor Rounded(const at::Tensor& tensor) { return tensor.to(at::kBFloat16).to(at::kDouble); }

double RelativeError(const at::Tensor& found, const at::Tensor& truth) {
  return (found.to(at::kDouble) - truth).norm().item<double>() / truth.norm().item<double>();
}

struct Head {
  at::Tensor hidden_TD, weight_VD, targets_T1;
  std::vector<int32_t> targets;
};

// Hidden states in bf16 beside a weight in fp32.
Head MakeHead(int64_t rows, int64_t dim, int64_t vocab_size) {
  at::manual_seed(rows);
  Head head{at::randn({rows, dim}).to(at::kBFloat16), at::randn({vocab_size, dim}) * 0.3, {}, {}};
  for (int64_t t = 0; t < rows; ++t) head.targets.push_back(static_cast<int32_t>(t * 13 % vocab_size));
  head.targets_T1 = at::tensor(std::vector<int64_t>(head.targets.begin(), head.targets.end())).unsqueeze(1);
  return head;
}

// No logit is ever rounded to bf16: that would be an error of 1e-2.
TEST(Bf16Test, LogprobsAreThoseOfRoundedOperandsInFp32) {
  for (const int64_t vocab_size : {2, 50, 1500}) {
    const Head head = MakeHead(45, 64, vocab_size);
    const TokenLogprobs got = ComputeTokenLogprobs(head.hidden_TD, head.weight_VD, head.targets, 0.8).value();
    const at::Tensor truth_TV =
        at::log_softmax(at::linear(head.hidden_TD.to(at::kDouble), Rounded(head.weight_VD)) / 0.8, -1);
    EXPECT_EQ(got.logprobs_T.scalar_type(), at::kFloat);
    EXPECT_EQ(got.entropies_T.scalar_type(), at::kFloat);
    EXPECT_LT((got.logprobs_T - truth_TV.gather(1, head.targets_T1).squeeze(1)).abs().max().item<double>(), 1e-5);
    EXPECT_LT((got.entropies_T + (truth_TV.exp() * truth_TV).sum(-1)).abs().max().item<double>(), 1e-5);
    const TokenLogprobs rounded_before =
        ComputeTokenLogprobs(head.hidden_TD, head.weight_VD.to(at::kBFloat16), head.targets, 0.8).value();
    EXPECT_TRUE(at::equal(got.logprobs_T, rounded_before.logprobs_T));
  }
}

TEST(Bf16Test, GradientOfTheHeadsWeightIsNotRounded) {
  // More rows and outputs than are widened at once.
  Head head = MakeHead(1100, 24, 600);
  const at::Tensor weights_T = at::cos(at::arange(1100, at::kDouble));
  const at::Tensor hidden = head.hidden_TD.to(at::kDouble).requires_grad_(true);
  const at::Tensor weight = Rounded(head.weight_VD).requires_grad_(true);
  const at::Tensor all_TV = at::log_softmax(at::linear(hidden, weight) / 0.6, -1);
  (all_TV.gather(1, head.targets_T1).squeeze(1) * weights_T).sum().backward();
  head.hidden_TD.requires_grad_(true);
  head.weight_VD.requires_grad_(true);
  const TokenLogprobs got = ComputeTokenLogprobs(head.hidden_TD, head.weight_VD, head.targets, 0.6, 512).value();
  got.logprobs_T.backward(weights_T.to(at::kFloat));
  EXPECT_EQ(head.weight_VD.grad().scalar_type(), at::kFloat);
  EXPECT_LT(RelativeError(head.weight_VD.grad(), weight.grad()), 1e-5);
  EXPECT_EQ(head.hidden_TD.grad().scalar_type(), at::kBFloat16);
  EXPECT_LT(RelativeError(head.hidden_TD.grad(), hidden.grad()), 4e-3) << "rounded once";
}

// Log-probs of a batch and the gradient of every parameter.
std::vector<at::Tensor> LogprobsAndGradients(const ModelConfig& config, const ParameterMap& parameters,
                                             Precision precision) {
  for (const auto& [name, tensor] : parameters.entries) {
    tensor.requires_grad_(true);
    tensor.mutable_grad() = at::Tensor();
  }
  const auto decoder = MakeDecoder(config, parameters, precision);
  const PackedBatch batch = Pack(RandomSequences({70, 1, 33, 6}, config.vocab_size, 9));
  const std::vector<int32_t> targets(batch.token_ids.rbegin(), batch.token_ids.rend());
  const TokenLogprobs logprobs =
      ComputeTokenLogprobs(decoder->ForwardPacked(batch).value(), decoder->OutputWeight(), targets, 1.3).value();
  logprobs.logprobs_T.backward(at::sin(at::arange(logprobs.logprobs_T.size(0), at::kFloat)));
  std::vector<at::Tensor> results = {logprobs.logprobs_T.detach()};
  for (const auto& [name, tensor] : parameters.entries) results.push_back(tensor.grad().clone());
  return results;
}

TEST(Bf16Test, GradientsPointWhereThoseOfFp32Do) {
  for (const auto& [variant, config] : TinyVariants()) {
    const ParameterMap parameters = RandomParameters(config, 9);
    const auto truth = LogprobsAndGradients(config, parameters, Precision::kFp32);
    const auto found = LogprobsAndGradients(config, parameters, Precision::kBf16);
    EXPECT_FALSE(at::equal(found[0], truth[0])) << variant << ": must be computed in bf16";
    EXPECT_LT(RelativeError(found[0], truth[0].to(at::kDouble)), 0.05) << variant;
    for (size_t i = 0; i < parameters.entries.size(); ++i) {
      SCOPED_TRACE(variant + ": " + parameters.entries[i].first);
      const at::Tensor expected = truth[i + 1].to(at::kDouble), got = found[i + 1].to(at::kDouble);
      EXPECT_EQ(found[i + 1].scalar_type(), at::kFloat);
      const double cosine = ((expected * got).sum() / expected.norm() / got.norm()).item<double>();
      // A bias of keys nearly cancels in the softmax, and so does its gradient.
      const bool cancels = absl::EndsWith(parameters.entries[i].first, "k_proj.bias");
      EXPECT_GT(cosine, cancels ? 0.9 : 0.98);
      EXPECT_LT(RelativeError(got, expected), cancels ? 0.5 : 0.2);
    }
  }
}

TEST(Bf16Test, ThreadsChangeNoBitOfLogprobsAndGradients) {
  const ModelConfig config = BitVariants().back().config;  // wider than a tile
  const ParameterMap parameters = RandomParameters(config, 4);
  const int num_threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto alone = LogprobsAndGradients(config, parameters, Precision::kBf16);
  at::set_num_threads(3);
  const auto together = LogprobsAndGradients(config, parameters, Precision::kBf16);
  at::set_num_threads(num_threads);
  for (size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(DifferentRows(alone[i], together[i]), 0) << i;
}

TEST(Bf16Test, ParametersThatAreTrainedStayAsTheyAre) {
  const ModelConfig config = TinyConfig();
  const ParameterMap parameters = RandomParameters(config, 2);
  std::vector<at::Tensor> before;
  for (const auto& [name, tensor] : parameters.entries) before.push_back(tensor.clone());
  LogprobsAndGradients(config, parameters, Precision::kBf16);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::equal(parameters.entries[i].second, before[i]));
}

TEST(Bf16Test, CacheAndFrozenParametersTakeHalf) {
  const ModelConfig config = TinyConfig();
  KvCache wide(config, 3, at::kCPU), narrow(config, 3, at::kCPU, Precision::kBf16);
  EXPECT_EQ(2 * narrow.keys(1).nbytes(), wide.keys(1).nbytes());
  EXPECT_EQ(2 * narrow.values(1).nbytes(), wide.values(1).nbytes());
  const ParameterMap parameters = RandomParameters(config, 2);
  EXPECT_EQ(2 * FrozenParameters(parameters, Precision::kBf16)->NumBytes(), parameters.NumBytes());
  const ParameterMap same = FrozenParameters(parameters, Precision::kFp32).value();
  EXPECT_EQ(same.entries[0].second.data_ptr(), parameters.entries[0].second.data_ptr()) << "no copy";
}

TEST(Bf16Test, RowsOfRoundedParametersAreIndependentToo) {
  const ModelConfig config = TinyConfig();
  const ParameterMap parameters = FrozenParameters(RandomParameters(config, 2), Precision::kBf16).value();
  const absl::Status independent = CheckRowIndependence(*MakeDecoder(config, parameters, Precision::kBf16));
  EXPECT_TRUE(independent.ok()) << independent;
}

}  // namespace
}  // namespace cohort::model
