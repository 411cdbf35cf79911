// SPDX-License-Identifier: Apache-2.0
#include "learner/optim/adamw.h"

#include <ATen/ops/zeros_like.h>

#include "common/status_macros.h"
#include "kernels/torch/adamw_op.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {

absl::StatusOr<std::unique_ptr<AdamW>> AdamW::Create(const cohort::v1::OptimizerSpec& spec,
                                                     const FlatParameters* parameters) {
  std::unique_ptr<AdamW> optimizer(new AdamW(spec, parameters));
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("optimizer state", [&] {
    optimizer->exp_avg_P_ = at::zeros_like(parameters->weights_P());
    optimizer->exp_avg_sq_P_ = at::zeros_like(parameters->weights_P());
    return absl::OkStatus();
  }));
  optimizer->BuildRuns();
  return optimizer;
}

void AdamW::BuildRuns() {
  for (const FlatParameters::Span& span : parameters_->spans()) {
    const double weight_decay = span.is_matrix ? spec_.weight_decay() : 0.0;
    // The gap of zeros before a span belongs to the run before it: zeros stay zeros.
    if (!runs_.empty()) runs_.back().size = span.offset - runs_.back().offset;
    if (runs_.empty() || runs_.back().weight_decay != weight_decay) {
      runs_.push_back({.offset = span.offset, .size = 0, .weight_decay = weight_decay});
    }
  }
  runs_.back().size = parameters_->weights_P().numel() - runs_.back().offset;
}

absl::Status AdamW::Update(double learning_rate, double gradient_scale, int64_t update) {
  kernels::AdamWSettings settings;
  settings.learning_rate = learning_rate;
  settings.beta1 = spec_.has_beta1() ? spec_.beta1() : 0.9;
  settings.beta2 = spec_.has_beta2() ? spec_.beta2() : 0.999;
  settings.epsilon = spec_.has_epsilon() ? spec_.epsilon() : 1e-8;
  settings.gradient_scale = gradient_scale;
  settings.step = update;
  return kernels::StatusFromTorch("adamw", [&] {
    for (const Run& run : runs_) {
      settings.weight_decay = run.weight_decay;
      const auto part = [&run](const at::Tensor& buffer_P) { return buffer_P.narrow(0, run.offset, run.size); };
      kernels::AdamWStep(part(parameters_->weights_P()), part(parameters_->gradients_P()), part(exp_avg_P_),
                         part(exp_avg_sq_P_), settings);
    }
    return absl::OkStatus();
  });
}

}  // namespace cohort::learner
