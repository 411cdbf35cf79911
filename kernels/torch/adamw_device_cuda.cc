// SPDX-License-Identifier: Apache-2.0
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <utility>

#include "kernels/adamw_cuda.h"
#include "kernels/torch/adamw_aten.h"
#include "kernels/torch/adamw_device.h"

namespace cohort::kernels {

void AdamWStepOnDevice(at::Tensor param, const at::Tensor& grad, at::Tensor exp_avg, at::Tensor exp_avg_sq,
                       const AdamWSettings& settings, at::Tensor param_bf16) {
  if (!param.is_cuda()) {
    return AdamWStepAten(std::move(param), grad, std::move(exp_avg), std::move(exp_avg_sq), settings,
                         std::move(param_bf16));
  }
  const c10::DeviceGuard guard(param.device());
  const int error =
      AdamWStepCuda(settings, param.numel(),
                    {param.mutable_data_ptr<float>(), grad.const_data_ptr<float>(), exp_avg.mutable_data_ptr<float>(),
                     exp_avg_sq.mutable_data_ptr<float>(),
                     param_bf16.defined() ? static_cast<uint16_t*>(param_bf16.mutable_data_ptr()) : nullptr},
                    c10::cuda::getCurrentCUDAStream().stream());
  TORCH_CHECK(error == 0, "adamw: CUDA launch failed (error ", error, ")");
}

}  // namespace cohort::kernels
