// SPDX-License-Identifier: Apache-2.0
#include "learner/flat_parameters.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

constexpr int64_t kAlignment = 16;  // fp32 numbers in 64 bytes

}  // namespace

absl::StatusOr<std::unique_ptr<FlatParameters>> FlatParameters::Create(const std::vector<model::ParameterSpec>& specs,
                                                                       const at::Device& device) {
  if (specs.empty()) return absl::InvalidArgumentError("parameters: the model has none");
  std::unique_ptr<FlatParameters> flat(new FlatParameters());
  int64_t size = 0;
  for (const model::ParameterSpec& spec : specs) {
    const int64_t count = spec.NumElements();
    flat->spans_.push_back({.name = spec.name, .offset = size, .size = count, .is_matrix = spec.shape.size() >= 2});
    flat->shapes_.push_back(spec.shape);
    size += (count + kAlignment - 1) / kAlignment * kAlignment;
  }
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("parameters", [&] {
    at::NoGradGuard no_grad;
    flat->weights_P_ = at::zeros({size}, at::dtype(at::kFloat).device(device));
    flat->gradients_P_ = at::zeros_like(flat->weights_P_);
    flat->parameters_ = flat->ViewsOf(flat->weights_P_);
    const model::ParameterMap gradients = flat->ViewsOf(flat->gradients_P_);
    for (size_t i = 0; i < specs.size(); ++i) {
      at::Tensor& view = flat->parameters_.entries[i].second;
      view.requires_grad_(true);
      view.mutable_grad() = gradients.entries[i].second;
    }
    return absl::OkStatus();
  }));
  return flat;
}

model::ParameterMap FlatParameters::ViewsOf(const at::Tensor& buffer_P) const {
  model::ParameterMap views;
  for (size_t i = 0; i < spans_.size(); ++i) {
    // Detached: a leaf of its own, not a differentiable view of the buffer.
    views.entries.emplace_back(spans_[i].name,
                               buffer_P.narrow(0, spans_[i].offset, spans_[i].size).view(shapes_[i]).detach());
  }
  return views;
}

}  // namespace cohort::learner
