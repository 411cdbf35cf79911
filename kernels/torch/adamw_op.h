// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_ADAMW_OP_H_
#define COHORT_KERNELS_TORCH_ADAMW_OP_H_

#include <ATen/core/Tensor.h>

#include "kernels/adamw.h"

namespace cohort::kernels {

// kernels/adamw.h on four contiguous tensors of one shape and device, fp32, in place; a build with --config=cuda runs
// kernels/adamw_cuda.h on CUDA devices, and other devices run the same formula with ATen. `param_bf16`, where there is
// one, gets the new parameters as bfloat16. On the CPU the step runs on at::get_num_threads() threads, whose number
// changes no bit; on a device it is enqueued on the current stream. Throws c10::Error on tensors that do not fit
// together.
void AdamWStep(at::Tensor param, at::Tensor grad, at::Tensor exp_avg, at::Tensor exp_avg_sq,
               const AdamWSettings& settings, at::Tensor param_bf16 = {});

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_ADAMW_OP_H_
