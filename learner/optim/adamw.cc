// SPDX-License-Identifier: Apache-2.0
// Shapes: P numbers of all parameters, S those of them that this rank updates, C those of a chunk.
#include "learner/optim/adamw.h"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "common/status_macros.h"
#include "kernels/torch/adamw_op.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

// Numbers that are updated and measured at a time: on a CPU the four buffers and a copy of a chunk stay in the cache; a
// GPU wants few and large kernels. The update is made element by element, so the cut changes nothing.
constexpr int64_t kCpuChunk = int64_t{1} << 18;
constexpr int64_t kDeviceChunk = int64_t{1} << 24;

bool IsSharded(const cohort::v1::OptimizerSpec& spec) {
  return spec.sharding() == cohort::v1::OPTIMIZER_SHARDING_ZERO1 ||
         spec.sharding() == cohort::v1::OPTIMIZER_SHARDING_ZERO3;
}

PackedRanges Owned(const FlatParameters& parameters, bool is_sharded) {
  if (is_sharded) return PackedRanges(OwnedRanges(parameters.layout(), parameters.place()));
  return PackedRanges({{.offset = 0, .size = parameters.layout().size}});
}

void AddSquaredNorm(const at::Tensor& values_C, at::Tensor sum) {
  sum.add_(at::linalg_vector_norm(values_C, /*ord=*/2).to(at::kDouble).square());
}

}  // namespace

AdamW::AdamW(const cohort::v1::OptimizerSpec& spec, const FlatParameters* parameters)
    : spec_(spec), parameters_(parameters), is_sharded_(IsSharded(spec)), owned_(Owned(*parameters, is_sharded_)) {}

absl::StatusOr<std::unique_ptr<AdamW>> AdamW::Create(const cohort::v1::OptimizerSpec& spec,
                                                     const FlatParameters* parameters) {
  std::unique_ptr<AdamW> optimizer(new AdamW(spec, parameters));
  const int64_t num_owned = optimizer->owned_.size();
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("optimizer state", [&] {
    optimizer->exp_avg_S_ = at::zeros({num_owned}, parameters->weights_L().options());
    optimizer->exp_avg_sq_S_ = at::zeros({num_owned}, parameters->weights_L().options());
    return absl::OkStatus();
  }));
  // The gap of zeros behind a span is treated like it: zeros stay zeros.
  const std::vector<FlatSpan>& spans = parameters->layout().spans;
  for (size_t i = 0; i < spans.size(); ++i) {
    const int64_t end = i + 1 < spans.size() ? spans[i + 1].offset : parameters->layout().size;
    optimizer->AddRuns({.offset = spans[i].offset, .size = end - spans[i].offset},
                       spans[i].is_decayed ? spec.weight_decay() : 0.0);
  }
  return optimizer;
}

void AdamW::AddRuns(const FlatRange& range, double weight_decay) {
  owned_.ForParts(range, [&](const FlatRange& part, int64_t state_offset) {
    const int64_t offset = parameters_->held().OffsetOf(part);
    Run* last = runs_.empty() ? nullptr : &runs_.back();
    if (last != nullptr && last->weight_decay == weight_decay && last->offset + last->size == offset &&
        last->state_offset + last->size == state_offset) {
      last->size += part.size;
    } else {
      runs_.push_back(
          {.offset = offset, .state_offset = state_offset, .size = part.size, .weight_decay = weight_decay});
    }
  });
}

absl::StatusOr<UpdateSize> AdamW::Update(double learning_rate, double gradient_scale, int64_t update) {
  kernels::AdamWSettings settings;
  settings.learning_rate = learning_rate;
  settings.beta1 = spec_.has_beta1() ? spec_.beta1() : 0.9;
  settings.beta2 = spec_.has_beta2() ? spec_.beta2() : 0.999;
  settings.epsilon = spec_.has_epsilon() ? spec_.epsilon() : 1e-8;
  settings.gradient_scale = gradient_scale;
  settings.step = update;
  UpdateSize size;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("adamw", [&] {
    const at::TensorOptions options = parameters_->weights_L().options();
    const at::Tensor squared_change = at::zeros({}, options.dtype(at::kDouble));
    const at::Tensor squared_weights = at::zeros({}, options.dtype(at::kDouble));
    const int64_t chunk = options.device().is_cpu() ? kCpuChunk : kDeviceChunk;
    for (const Run& run : runs_) {
      settings.weight_decay = run.weight_decay;
      for (int64_t done = 0; done < run.size; done += chunk) {
        const int64_t count = std::min(chunk, run.size - done);
        const int64_t offset = run.offset + done, state_offset = run.state_offset + done;
        const at::Tensor weights_C = parameters_->weights_L().narrow(0, offset, count);
        at::Tensor change_C = weights_C.clone();
        kernels::AdamWStep(weights_C, parameters_->gradients_L().narrow(0, offset, count),
                           exp_avg_S_.narrow(0, state_offset, count), exp_avg_sq_S_.narrow(0, state_offset, count),
                           settings);
        AddSquaredNorm(change_C.sub_(weights_C), squared_change);
        AddSquaredNorm(weights_C, squared_weights);
      }
    }
    size = {.squared_change = squared_change.item<double>(), .squared_weights = squared_weights.item<double>()};
    return absl::OkStatus();
  }));
  return size;
}

void AdamW::SetMoments(const FlatSpan& span, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq) {
  owned_.ForParts({.offset = span.offset, .size = span.size}, [&](const FlatRange& part, int64_t state_offset) {
    const int64_t begin = part.offset - span.offset;
    exp_avg_S_.narrow(0, state_offset, part.size).copy_(exp_avg.narrow(0, begin, part.size));
    exp_avg_sq_S_.narrow(0, state_offset, part.size).copy_(exp_avg_sq.narrow(0, begin, part.size));
  });
}

}  // namespace cohort::learner
