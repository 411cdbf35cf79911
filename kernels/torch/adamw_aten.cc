// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/adamw_aten.h"

#include <ATen/TensorOperators.h>

namespace cohort::kernels {

void AdamWStepAten(at::Tensor param, const at::Tensor& grad, at::Tensor exp_avg, at::Tensor exp_avg_sq,
                   const AdamWSettings& settings, at::Tensor param_bf16) {
  const AdamWFactors f(settings);
  const at::Tensor scaled = grad.mul(f.gradient_scale);
  exp_avg.add_((scaled - exp_avg).mul_(f.beta1_complement));
  exp_avg_sq.mul_(f.beta2).add_((scaled * scaled).mul_(f.beta2_complement));
  const at::Tensor denominator = exp_avg_sq.sqrt().mul_(f.inverse_sqrt_correction2).add_(f.epsilon);
  param.mul_(f.decay).sub_((exp_avg / denominator).mul_(f.step_size));
  if (param_bf16.defined()) param_bf16.copy_(param);
}

}  // namespace cohort::kernels
