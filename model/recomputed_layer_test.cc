// SPDX-License-Identifier: Apache-2.0
#include "model/layers/recomputed_layer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/torch/tensor_memory.h"
#include "model/decoder.h"
#include "model/logprob.h"
#include "model/testing/packed_sequences.h"
#include "model/testing/tiny_model.h"

namespace cohort::model {
namespace {

// Hidden states of a training pass and behind them the gradient of every parameter, undefined where none came.
std::vector<at::Tensor> HiddenStatesAndGradients(const Decoder& decoder, const PackedBatch& batch,
                                                 const PackedPass& pass) {
  for (const auto& [name, tensor] : decoder.parameters().entries) tensor.mutable_grad() = at::Tensor();
  const at::Tensor hidden_TD = decoder.ForwardPacked(batch, pass).value();
  const std::vector<int32_t> targets(batch.token_ids.rbegin(), batch.token_ids.rend());
  const TokenLogprobs logprobs = ComputeTokenLogprobs(hidden_TD, decoder.OutputWeight(), targets, /*temperature=*/0.7,
                                                      /*max_rows_per_chunk=*/64)
                                     .value();
  logprobs.logprobs_T.backward(at::sin(at::arange(logprobs.logprobs_T.size(0), at::kFloat)));
  std::vector<at::Tensor> results = {hidden_TD.detach()};
  for (const auto& [name, tensor] : decoder.parameters().entries) results.push_back(tensor.grad());
  return results;
}

class RecomputedLayerBitsTest : public ThreadsTest {};

void ExpectTheSame(Precision precision) {
  for (const auto& [name, config] : BitVariants()) {
    SCOPED_TRACE(name);
    const ParameterMap parameters = RandomParameters(config, 3);
    for (const auto& [parameter, tensor] : parameters.entries) tensor.requires_grad_(true);
    const auto decoder = MakeDecoder(config, parameters, precision);
    const PackedBatch batch = Pack(RandomSequences({37, 1, 16, 70, 5, 33}, config.vocab_size, 3));
    const auto kept = HiddenStatesAndGradients(*decoder, batch, {});
    const auto recomputed = HiddenStatesAndGradients(*decoder, batch, {.recompute_activations = true});
    EXPECT_EQ(DifferentRows(kept[0], recomputed[0]), 0);
    for (size_t i = 0; i < parameters.entries.size(); ++i) {
      ASSERT_TRUE(recomputed[i + 1].defined()) << parameters.entries[i].first;
      EXPECT_EQ(DifferentRows(kept[i + 1], recomputed[i + 1]), 0) << parameters.entries[i].first;
    }
  }
}

TEST_P(RecomputedLayerBitsTest, HiddenStatesAndGradientsAreTheSame) { ExpectTheSame(Precision::kFp32); }

TEST_P(RecomputedLayerBitsTest, HiddenStatesAndGradientsAreTheSameInBf16) { ExpectTheSame(Precision::kBf16); }

INSTANTIATE_TEST_SUITE_P(Threads, RecomputedLayerBitsTest, testing::Values(1, 2));

// The input of the first layer needs no gradient here, that of the second does.
TEST(RecomputedLayerTest, GradientsComeToThoseAloneThatRequireThem) {
  const ModelConfig config = TinyConfig();
  const ParameterMap parameters = RandomParameters(config, 8);
  const auto trains = [](const std::string& name) {
    return name == "model.layers.0.mlp.up_proj.weight" || name == "model.layers.1.self_attn.k_proj.weight";
  };
  for (const auto& [name, tensor] : parameters.entries) tensor.requires_grad_(trains(name));
  const auto decoder = MakeDecoder(config, parameters);
  const PackedBatch batch = Pack(RandomSequences({30, 11}, config.vocab_size, 8));
  const auto kept = HiddenStatesAndGradients(*decoder, batch, {});
  const auto recomputed = HiddenStatesAndGradients(*decoder, batch, {.recompute_activations = true});
  for (size_t i = 0; i < parameters.entries.size(); ++i) {
    const std::string& name = parameters.entries[i].first;
    ASSERT_EQ(kept[i + 1].defined(), trains(name)) << name;
    ASSERT_EQ(recomputed[i + 1].defined(), trains(name)) << name;
    if (!trains(name)) continue;
    EXPECT_EQ(DifferentRows(kept[i + 1], recomputed[i + 1]), 0) << name;
  }
}

TEST(RecomputedLayerTest, EachParameterGetsOneGradientInABackwardPass) {
  const ModelConfig config = TinyConfig();
  const ParameterMap parameters = RandomParameters(config, 8);
  std::vector<int> num_gradients(parameters.entries.size(), 0);
  for (size_t i = 0; i < num_gradients.size(); ++i) {
    const at::Tensor& tensor = parameters.entries[i].second;
    tensor.requires_grad_(true);
    tensor.register_hook([&num_gradients, i](const at::Tensor&) { ++num_gradients[i]; });
  }
  const auto decoder = MakeDecoder(config, parameters);
  const PackedBatch batch = Pack(RandomSequences({30, 11}, config.vocab_size, 8));
  HiddenStatesAndGradients(*decoder, batch, {.recompute_activations = true});
  EXPECT_EQ(num_gradients, std::vector<int>(num_gradients.size(), 1));
}

TEST(RecomputedLayerTest, ParameterThatChangesBeforeItsLayerIsComputedAgainIsAnError) {
  const ModelConfig config = TinyConfig();
  const ParameterMap parameters = RandomParameters(config, 8);
  for (const auto& [name, tensor] : parameters.entries) tensor.requires_grad_(true);
  const auto decoder = MakeDecoder(config, parameters);
  const PackedBatch batch = Pack(RandomSequences({30}, config.vocab_size, 8));
  const at::Tensor hidden_TD = decoder->ForwardPacked(batch, {.recompute_activations = true}).value();
  {
    const at::NoGradGuard no_grad;
    parameters.Find("model.layers.0.mlp.up_proj.weight").zero_();
  }
  EXPECT_THROW(hidden_TD.sum().backward(), c10::Error);
}

constexpr int64_t kPeakRows = 512;

// Most bytes of tensors in a training pass of that many layers, above the parameters and their gradients.
int64_t PeakBytes(int64_t num_layers, const PackedPass& pass) {
  ModelConfig config = TinyConfig();
  config.num_layers = num_layers;
  const ParameterMap parameters = RandomParameters(config, 4);
  for (const auto& [name, tensor] : parameters.entries) {
    tensor.requires_grad_(true);
    tensor.mutable_grad() = at::zeros_like(tensor);
  }
  const auto decoder = MakeDecoder(config, parameters);
  const PackedBatch batch = Pack(RandomSequences({kPeakRows / 2, kPeakRows / 2}, config.vocab_size, 4));
  const kernels::TensorMemory memory;
  const int64_t before = memory.live_bytes();
  decoder->ForwardPacked(batch, pass).value().backward(at::ones({kPeakRows, config.hidden_size}));
  return memory.peak_bytes() - before;
}

TEST(RecomputedLayerTest, LayersKeepTheirInputsAlone) {
  const PackedPass recomputing = {.recompute_activations = true};
  const int64_t kept = PeakBytes(8, {}), recomputed = PeakBytes(8, recomputing);
  EXPECT_LT(3 * recomputed, kept);
  const int64_t input_bytes = kPeakRows * TinyConfig().hidden_size * 4;
  EXPECT_GT(recomputed, 8 * input_bytes) << "the count must work";
  EXPECT_LE(recomputed - PeakBytes(4, recomputing), 4 * input_bytes + input_bytes / 2);
}

}  // namespace
}  // namespace cohort::model
