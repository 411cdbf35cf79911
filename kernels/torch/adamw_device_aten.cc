// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "kernels/torch/adamw_aten.h"
#include "kernels/torch/adamw_device.h"

namespace cohort::kernels {

void AdamWStepOnDevice(at::Tensor param, const at::Tensor& grad, at::Tensor exp_avg, at::Tensor exp_avg_sq,
                       const AdamWSettings& settings, at::Tensor param_bf16) {
  AdamWStepAten(std::move(param), grad, std::move(exp_avg), std::move(exp_avg_sq), settings, std::move(param_bf16));
}

}  // namespace cohort::kernels
