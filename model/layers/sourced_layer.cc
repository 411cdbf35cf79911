// SPDX-License-Identifier: Apache-2.0
#include "model/layers/sourced_layer.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <memory>
#include <utility>
#include <vector>

namespace cohort::model {
namespace {

using torch::autograd::SavedVariable;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// A layer in the graph of the backward pass, whose one edge is that of its input: the gradients of the parameters go
// to the source. It has a graph of its own while its turn lasts.
class SourcedLayerNode final : public torch::autograd::Node {
 public:
  SourcedLayerNode(LayerFunction function, LayerSource* source, int64_t layer, const Variable& input)
      : Node(torch::autograd::collect_next_edges(input)),
        function_(std::move(function)),
        source_(source),
        layer_(layer),
        input_(input, /*is_output=*/false) {}

  variable_list apply(variable_list&& grads) override {
    const Variable input = input_.unpack().detach().requires_grad_(true);
    variable_list found;
    {
      variable_list wanted = {input};
      for (const at::Tensor& parameter : source_->Acquire(layer_)) {
        wanted.push_back(parameter.detach().requires_grad_(true));
      }
      const c10::AutoGradMode with_grad(true);
      const at::Tensor output = function_(input, at::TensorList(wanted).slice(1));
      found = torch::autograd::grad({output}, wanted, grads);
    }
    source_->AddGradients(layer_, variable_list(found.begin() + 1, found.end()));
    source_->Release(layer_);
    return {found[0]};
  }

  void release_variables() override {
    input_.reset_data();
    function_ = nullptr;
  }

 private:
  LayerFunction function_;
  LayerSource* const source_;
  const int64_t layer_;
  SavedVariable input_;
};

}  // namespace

at::Tensor SourcedLayer(const LayerFunction& function, LayerSource* source, int64_t layer, const at::Tensor& input) {
  at::Tensor output;
  {
    const c10::NoGradGuard no_grad;
    const std::vector<at::Tensor> parameters = source->Acquire(layer);
    output = function(input, parameters);
  }
  source->Release(layer);
  if (torch::autograd::compute_requires_grad(input)) {
    torch::autograd::set_history(output,
                                 std::shared_ptr<SourcedLayerNode>(new SourcedLayerNode(function, source, layer, input),
                                                                   torch::autograd::deleteNode));
  }
  return output;
}

}  // namespace cohort::model
