// SPDX-License-Identifier: Apache-2.0
#include "learner/flat_parameters.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {

absl::StatusOr<std::unique_ptr<FlatParameters>> FlatParameters::Create(const std::vector<TrainedParameter>& selection,
                                                                       const at::Device& device, const RankPlace& place,
                                                                       int64_t bucket_numbers) {
  if (selection.empty()) return absl::InvalidArgumentError("parameters: the model has none that train");
  std::unique_ptr<FlatParameters> flat(new FlatParameters());
  flat->place_ = place;
  flat->layout_ = MakeFlatLayout(selection, place.world_size, bucket_numbers);
  for (const TrainedParameter& parameter : selection) flat->shapes_.push_back(parameter.spec.shape);
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("parameters", [&] {
    at::NoGradGuard no_grad;
    flat->weights_P_ = at::zeros({flat->layout_.size}, at::dtype(at::kFloat).device(device));
    flat->gradients_P_ = at::zeros_like(flat->weights_P_);
    flat->parameters_ = flat->ViewsOf(flat->weights_P_);
    const model::ParameterMap gradients = flat->ViewsOf(flat->gradients_P_);
    for (size_t i = 0; i < selection.size(); ++i) {
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
  for (size_t i = 0; i < layout_.spans.size(); ++i) {
    const FlatSpan& span = layout_.spans[i];
    // Detached: a leaf of its own, not a differentiable view of the buffer.
    views.entries.emplace_back(span.name, buffer_P.narrow(0, span.offset, span.size).view(shapes_[i]).detach());
  }
  return views;
}

}  // namespace cohort::learner
