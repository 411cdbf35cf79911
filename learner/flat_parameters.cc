// SPDX-License-Identifier: Apache-2.0
#include "learner/flat_parameters.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {

absl::StatusOr<std::unique_ptr<FlatParameters>> FlatParameters::Create(const std::vector<TrainedParameter>& selection,
                                                                       const at::Device& device, const RankPlace& place,
                                                                       const FlatParametersOptions& options) {
  if (selection.empty()) return absl::InvalidArgumentError("parameters: the model has none that train");
  std::unique_ptr<FlatParameters> flat(new FlatParameters());
  flat->place_ = place;
  flat->layout_ = MakeFlatLayout(selection, place.world_size, options.layout);
  flat->held_ = PackedRanges(HeldRanges(flat->layout_, place));
  for (const TrainedParameter& parameter : selection) flat->shapes_.push_back(parameter.spec.shape);
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("parameters", [&] {
    at::NoGradGuard no_grad;
    flat->weights_L_ = at::zeros({flat->held_.size()}, at::dtype(at::kFloat).device(device));
    if (!options.is_frozen) flat->gradients_L_ = at::zeros_like(flat->weights_L_);
    const std::vector<FlatBucket>& buckets = flat->layout_.buckets;
    std::for_each(buckets.rbegin(), buckets.rend(), [&](const FlatBucket& bucket) {
      if (bucket.layer < 0) flat->AddViews(bucket);
    });
    return absl::OkStatus();
  }));
  return flat;
}

void FlatParameters::AddViews(const FlatBucket& bucket) {
  const SpanRange spans = {.first = bucket.first_span, .count = bucket.num_spans};
  model::ParameterMap views = ViewsOf(HeldPart(weights_L_, bucket.range), spans);
  if (gradients_L_.defined()) {
    const model::ParameterMap gradients = ViewsOf(HeldPart(gradients_L_, bucket.range), spans);
    for (size_t i = 0; i < spans.count; ++i) {
      views.entries[i].second.requires_grad_(true);
      views.entries[i].second.mutable_grad() = gradients.entries[i].second;
    }
  }
  for (auto& entry : views.entries) parameters_.entries.push_back(std::move(entry));
}

at::Tensor FlatParameters::HeldPart(const at::Tensor& buffer_L, const FlatRange& range) const {
  return buffer_L.narrow(0, held_.OffsetOf(range), range.size);
}

void FlatParameters::SetWeights(size_t span, const at::Tensor& numbers) {
  const at::NoGradGuard no_grad;
  const FlatSpan& place = layout_.spans[span];
  held_.ForParts({.offset = place.offset, .size = place.size}, [&](const FlatRange& part, int64_t held_offset) {
    weights_L_.narrow(0, held_offset, part.size).copy_(numbers.narrow(0, part.offset - place.offset, part.size));
  });
}

model::ParameterMap FlatParameters::ViewsOf(const at::Tensor& buffer_P) const {
  return ViewsOf(buffer_P, {.first = 0, .count = layout_.spans.size()});
}

model::ParameterMap FlatParameters::ViewsOf(const at::Tensor& buffer_R, const SpanRange& spans) const {
  const int64_t begin = RangeOf(layout_, spans).offset;
  model::ParameterMap views;
  for (size_t i = spans.first; i < spans.first + spans.count; ++i) {
    const FlatSpan& span = layout_.spans[i];
    // Detached: a leaf of its own, not a differentiable view of the buffer.
    views.entries.emplace_back(span.name, buffer_R.narrow(0, span.offset - begin, span.size).view(shapes_[i]).detach());
  }
  return views;
}

}  // namespace cohort::learner
