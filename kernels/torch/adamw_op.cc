// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/adamw_op.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

namespace cohort::kernels {

void AdamWStep(at::Tensor param, at::Tensor grad, at::Tensor exp_avg, at::Tensor exp_avg_sq,
               const AdamWSettings& settings) {
  const c10::NoGradGuard no_grad;
  for (const at::Tensor* t : {&param, &grad, &exp_avg, &exp_avg_sq}) {
    TORCH_CHECK(t->sizes() == param.sizes() && t->device() == param.device() && t->scalar_type() == at::kFloat &&
                    t->is_contiguous(),
                "adamw: tensors must be fp32, contiguous, of one shape and device (", t->sizes(), " for ",
                param.sizes(), ")");
  }
  if (param.is_cpu()) {
    AdamWStep(settings, param.numel(), param.mutable_data_ptr<float>(), grad.const_data_ptr<float>(),
              exp_avg.mutable_data_ptr<float>(), exp_avg_sq.mutable_data_ptr<float>());
    return;
  }
  const AdamWFactors f(settings);
  const at::Tensor scaled = grad.mul(f.gradient_scale);
  exp_avg.add_((scaled - exp_avg).mul_(f.beta1_complement));
  exp_avg_sq.mul_(f.beta2).add_((scaled * scaled).mul_(f.beta2_complement));
  const at::Tensor denominator = exp_avg_sq.sqrt().mul_(f.inverse_sqrt_correction2).add_(f.epsilon);
  param.mul_(f.decay).sub_((exp_avg / denominator).mul_(f.step_size));
}

}  // namespace cohort::kernels
