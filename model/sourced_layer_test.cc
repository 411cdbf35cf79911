// SPDX-License-Identifier: Apache-2.0
#include "model/layers/sourced_layer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <vector>

#include "model/architectures/architecture_table.h"
#include "model/decoder.h"
#include "model/layer_source.h"
#include "model/testing/packed_sequences.h"
#include "model/testing/tiny_model.h"

namespace cohort::model {
namespace {

// Hands out copies that are of no use once they are released, and remembers who asked for what.
class CopyingSource final : public LayerSource {
 public:
  std::vector<at::Tensor> Acquire(int64_t layer) override {
    EXPECT_TRUE(lent_.empty()) << "one layer at a time";
    turns.push_back(layer);
    for (const at::Tensor& tensor : parameters[layer]) lent_.push_back(tensor.detach().clone());
    return lent_;
  }
  void AddGradients(int64_t layer, const std::vector<at::Tensor>& added) override {
    std::vector<at::Tensor>& sums = gradients[layer];
    for (size_t i = 0; i < added.size(); ++i) {
      if (sums.size() == i) sums.push_back(at::zeros_like(added[i]));
      sums[i].add_(added[i]);
    }
  }
  void Release(int64_t) override {
    for (const at::Tensor& tensor : lent_) tensor.fill_(-1e30);
    lent_.clear();
  }

  std::map<int64_t, std::vector<at::Tensor>> parameters, gradients;
  std::vector<int64_t> turns;

 private:
  std::vector<at::Tensor> lent_;
};

// The parameters of a model, those of its layers in a source.
struct Sourced {
  explicit Sourced(const ModelConfig& config, const ParameterMap& parameters) {
    const auto specs = FindArchitecture(config.architecture)->parameters(config);
    for (size_t i = 0; i < specs.size(); ++i) {
      const auto& [name, tensor] = parameters.entries[i];
      if (specs[i].layer >= 0) {
        source.parameters[specs[i].layer].push_back(tensor);
      } else {
        rest.entries.emplace_back(name, tensor.detach().clone().requires_grad_(true));
      }
    }
    decoder = Decoder::Create(config, rest, {.layers = &source}).value();
  }
  CopyingSource source;
  ParameterMap rest;
  std::unique_ptr<Decoder> decoder;
};

TEST(SourcedLayerTest, HiddenStatesAndGradientsAreThoseOfADecoderThatHasItsLayers) {
  for (const auto& [name, config] : BitVariants()) {
    SCOPED_TRACE(name);
    const ParameterMap parameters = RandomParameters(config, 3);
    for (const auto& [parameter, tensor] : parameters.entries) tensor.requires_grad_(true);
    const auto whole = MakeDecoder(config, parameters);
    Sourced sourced(config, parameters);
    const PackedBatch batch = Pack(RandomSequences({37, 1, 16, 70, 5, 33}, config.vocab_size, 3));
    const at::Tensor expected_TD = whole->ForwardPacked(batch, {.recompute_activations = true}).value();
    const at::Tensor found_TD = sourced.decoder->ForwardPacked(batch).value();
    EXPECT_EQ(DifferentRows(found_TD, expected_TD), 0);
    const at::Tensor weights_TD = at::sin(at::arange(found_TD.numel(), at::kFloat)).view(found_TD.sizes());
    expected_TD.backward(weights_TD);
    found_TD.backward(weights_TD);
    for (const auto& [layer, gradients] : sourced.source.gradients) {
      for (size_t i = 0; i < gradients.size(); ++i) {
        EXPECT_EQ(DifferentRows(gradients[i], sourced.source.parameters[layer][i].grad()), 0) << layer << " " << i;
      }
    }
    EXPECT_EQ(static_cast<int64_t>(sourced.source.gradients.size()), config.num_layers);
    for (const auto& [parameter, tensor] : sourced.rest.entries) {
      ASSERT_EQ(tensor.grad().defined(), parameters.Find(parameter).grad().defined()) << parameter;
      if (!tensor.grad().defined()) continue;  // an untied head
      EXPECT_EQ(DifferentRows(tensor.grad(), parameters.Find(parameter).grad()), 0) << parameter;
    }
  }
}

TEST(SourcedLayerTest, LayersAreAcquiredThereAndBackAndOnceWithoutGradients) {
  const ModelConfig config = TinyConfig();
  Sourced sourced(config, RandomParameters(config, 5));
  const PackedBatch batch = Pack(RandomSequences({30, 11}, config.vocab_size, 5));
  std::vector<int64_t> there, there_and_back;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) there.push_back(layer);
  there_and_back = there;
  there_and_back.insert(there_and_back.end(), there.rbegin(), there.rend());
  {
    const at::NoGradGuard no_grad;
    ASSERT_TRUE(sourced.decoder->ForwardPacked(batch).ok());
    EXPECT_EQ(sourced.source.turns, there);
  }
  sourced.source.turns.clear();
  sourced.decoder->ForwardPacked(batch).value().sum().backward();
  EXPECT_EQ(sourced.source.turns, there_and_back);
}

TEST(SourcedLayerTest, ParameterOfALayerIsRefusedWhereLayersHaveASource) {
  const ModelConfig config = TinyConfig();
  CopyingSource source;
  const auto decoder = Decoder::Create(config, RandomParameters(config, 5), {.layers = &source});
  EXPECT_EQ(decoder.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cohort::model
