// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/adamw_op.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include "kernels/torch/at_parallel_for.h"

namespace cohort::kernels {

void AdamWStep(at::Tensor param, at::Tensor grad, at::Tensor exp_avg, at::Tensor exp_avg_sq,
               const AdamWSettings& settings, at::Tensor param_bf16) {
  const c10::NoGradGuard no_grad;
  for (const at::Tensor* t : {&param, &grad, &exp_avg, &exp_avg_sq}) {
    TORCH_CHECK(t->sizes() == param.sizes() && t->device() == param.device() && t->scalar_type() == at::kFloat &&
                    t->is_contiguous(),
                "adamw: tensors must be fp32, contiguous, of one shape and device (", t->sizes(), " for ",
                param.sizes(), ")");
  }
  TORCH_CHECK(!param_bf16.defined() || (param_bf16.sizes() == param.sizes() && param_bf16.device() == param.device() &&
                                        param_bf16.scalar_type() == at::kBFloat16 && param_bf16.is_contiguous()),
              "adamw: the cast must be bfloat16, contiguous, of the parameters' shape and device");
  if (param.is_cpu()) {
    AdamWStep(settings, param.numel(),
              {param.mutable_data_ptr<float>(), grad.const_data_ptr<float>(), exp_avg.mutable_data_ptr<float>(),
               exp_avg_sq.mutable_data_ptr<float>(),
               param_bf16.defined() ? static_cast<uint16_t*>(param_bf16.mutable_data_ptr()) : nullptr},
              AtExecution());
    return;
  }
  const AdamWFactors f(settings);
  const at::Tensor scaled = grad.mul(f.gradient_scale);
  exp_avg.add_((scaled - exp_avg).mul_(f.beta1_complement));
  exp_avg_sq.mul_(f.beta2).add_((scaled * scaled).mul_(f.beta2_complement));
  const at::Tensor denominator = exp_avg_sq.sqrt().mul_(f.inverse_sqrt_correction2).add_(f.epsilon);
  param.mul_(f.decay).sub_((exp_avg / denominator).mul_(f.step_size));
  if (param_bf16.defined()) param_bf16.copy_(param);
}

}  // namespace cohort::kernels
