// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/adamw_op.h"

#include <c10/core/GradMode.h>

#include "kernels/torch/adamw_device.h"
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
  AdamWStepOnDevice(param, grad, exp_avg, exp_avg_sq, settings, param_bf16);
}

}  // namespace cohort::kernels
