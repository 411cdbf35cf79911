// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_LOGPROB_DEVICE_H_
#define COHORT_KERNELS_TORCH_LOGPROB_DEVICE_H_

// What logprob_op.h runs off the CPU or on other dtypes than fp32. Two sources implement it, chosen by the build:
// logprob_device_aten.cc by default, logprob_device_cuda.cc under --config=cuda (kernels/logprob_cuda.h where it
// applies, else ATen).
// Shapes: T rows, V vocabulary.
#include <ATen/core/Tensor.h>

#include "kernels/torch/logprob_op.h"

namespace cohort::kernels {

LogprobAndEntropy LogprobForwardOnDevice(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature);

void LogprobBackwardInPlaceOnDevice(at::Tensor logits_TV, const at::Tensor& targets_T,
                                    const LogprobGradients& gradients, double temperature);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_LOGPROB_DEVICE_H_
