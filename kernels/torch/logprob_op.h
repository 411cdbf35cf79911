// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_LOGPROB_OP_H_
#define COHORT_KERNELS_TORCH_LOGPROB_OP_H_

// On the CPU the operators run on at::get_num_threads() threads, whose number changes no bit.
// Shapes: T rows, V vocabulary.
#include <ATen/core/Tensor.h>

namespace cohort::kernels {

struct LogprobAndEntropy {
  at::Tensor logprobs_T;   // fp32, no autograd history
  at::Tensor entropies_T;  // fp32, nats
};

// Log-prob of each row's target and entropy of softmax(logits / temperature). targets_T is int64.
LogprobAndEntropy LogprobForward(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature);

// What reaches log-probs and entropies from the loss.
struct LogprobGradients {
  at::Tensor logprobs_T;
  at::Tensor entropies_T;  // undefined: none, at no cost
};

// Gradient of sum(gradients.logprobs_T * logprobs_T + gradients.entropies_T * entropies_T) with respect to the logits
// (kernels/logprob.h), written over `logits_TV`.
void LogprobBackwardInPlace(at::Tensor logits_TV, const at::Tensor& targets_T, const LogprobGradients& gradients,
                            double temperature);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_LOGPROB_OP_H_
