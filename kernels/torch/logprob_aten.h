// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_LOGPROB_ATEN_H_
#define COHORT_KERNELS_TORCH_LOGPROB_ATEN_H_

// Shapes: T rows, V vocabulary.
#include <ATen/core/Tensor.h>

#include "kernels/torch/logprob_op.h"

namespace cohort::kernels {

// logprob_op.h by ATen's operators, on any device and floating dtype; arithmetic in fp32.
LogprobAndEntropy LogprobForwardAten(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature);

void LogprobBackwardInPlaceAten(at::Tensor logits_TV, const at::Tensor& targets_T, const LogprobGradients& gradients,
                                double temperature);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_LOGPROB_ATEN_H_
