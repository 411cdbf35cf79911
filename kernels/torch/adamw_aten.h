// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_ADAMW_ATEN_H_
#define COHORT_KERNELS_TORCH_ADAMW_ATEN_H_

#include <ATen/core/Tensor.h>

#include "kernels/adamw_factors.h"

namespace cohort::kernels {

// The formula of kernels/adamw.h in ATen's operators, for every device. Tensors as in kernels/torch/adamw_op.h, already
// checked; `param_bf16` may be undefined. Throws what LibTorch throws.
void AdamWStepAten(at::Tensor param, const at::Tensor& grad, at::Tensor exp_avg, at::Tensor exp_avg_sq,
                   const AdamWSettings& settings, at::Tensor param_bf16);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_ADAMW_ATEN_H_
