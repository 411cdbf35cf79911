// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_ADAMW_DEVICE_H_
#define COHORT_KERNELS_TORCH_ADAMW_DEVICE_H_

// What adamw_op.h runs off the CPU. Two sources implement it, chosen by the build: adamw_device_aten.cc by default,
// adamw_device_cuda.cc under --config=cuda (kernels/adamw_cuda.h on a CUDA device, else ATen).
#include <ATen/core/Tensor.h>

#include "kernels/adamw_factors.h"

namespace cohort::kernels {

// Tensors as in adamw_op.h, already checked; `param_bf16` may be undefined. Throws what LibTorch throws.
void AdamWStepOnDevice(at::Tensor param, const at::Tensor& grad, at::Tensor exp_avg, at::Tensor exp_avg_sq,
                       const AdamWSettings& settings, at::Tensor param_bf16);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_ADAMW_DEVICE_H_
