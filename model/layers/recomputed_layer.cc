// SPDX-License-Identifier: Apache-2.0
#include "model/layers/recomputed_layer.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace cohort::model {
namespace {

using torch::autograd::SavedVariable;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// A layer in the graph of the backward pass. It has a graph of its own while its turn lasts: autograd runs that on the
// same thread before anything else of the outer one.
class RecomputedLayerNode final : public torch::autograd::Node {
 public:
  // `inputs`: the layer's input and its parameters.
  RecomputedLayerNode(LayerFunction layer, const variable_list& inputs)
      : Node(torch::autograd::collect_next_edges(inputs)), layer_(std::move(layer)) {
    for (const Variable& input : inputs) saved_.emplace_back(input, /*is_output=*/false);
  }

  variable_list apply(variable_list&& grads) override {
    variable_list leaves, wanted;
    for (size_t i = 0; i < saved_.size(); ++i) {
      // Detached: the inner graph ends here, so that hooks and `grad` of a parameter belong to the outer one alone.
      leaves.push_back(saved_[i].unpack().detach().requires_grad_(task_should_compute_output(i)));
      if (leaves.back().requires_grad()) wanted.push_back(leaves.back());
    }
    const c10::AutoGradMode with_grad(true);
    const at::Tensor output = layer_(leaves[0], at::TensorList(leaves).slice(1));
    variable_list found = torch::autograd::grad({output}, wanted, grads);
    variable_list result(leaves.size());
    for (size_t i = 0, next = 0; i < leaves.size(); ++i) {
      if (leaves[i].requires_grad()) result[i] = std::move(found[next++]);
    }
    return result;
  }

  void release_variables() override {
    for (SavedVariable& saved : saved_) saved.reset_data();
    layer_ = nullptr;
  }

 private:
  LayerFunction layer_;
  std::vector<SavedVariable> saved_;
};

}  // namespace

at::Tensor RecomputedLayer(const LayerFunction& layer, const at::Tensor& input, at::TensorList parameters) {
  if (!torch::autograd::compute_requires_grad(input, parameters)) return layer(input, parameters);
  variable_list inputs = {input};
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  const std::shared_ptr<RecomputedLayerNode> node(new RecomputedLayerNode(layer, inputs), torch::autograd::deleteNode);
  at::Tensor output;
  {
    const c10::NoGradGuard no_grad;
    output = layer(input, parameters);
  }
  torch::autograd::set_history(output, node);
  return output;
}

}  // namespace cohort::model
