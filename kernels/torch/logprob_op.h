// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_LOGPROB_OP_H_
#define COHORT_KERNELS_TORCH_LOGPROB_OP_H_

// Shapes: T rows, V vocabulary.
#include <ATen/core/Tensor.h>

namespace cohort::kernels {

struct LogprobAndEntropy {
  at::Tensor logprobs_T;   // fp32, no autograd history
  at::Tensor entropies_T;  // fp32, nats
};

// Log-prob of each row's target and entropy of softmax(logits / temperature). targets_T is int64.
LogprobAndEntropy LogprobForward(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature);

// Gradient of sum(grad_T * logprobs_T) with respect to the logits, written over `logits_TV`:
// grad * (1[v = target] - softmax) / temperature.
void LogprobBackwardInPlace(at::Tensor logits_TV, const at::Tensor& targets_T, const at::Tensor& grad_T,
                            double temperature);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_LOGPROB_OP_H_
