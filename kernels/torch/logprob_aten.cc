// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/logprob_aten.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>

namespace cohort::kernels {

LogprobAndEntropy LogprobForwardAten(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature) {
  const at::Tensor all_TV = at::log_softmax(logits_TV.to(at::kFloat) * (1.0 / temperature), -1);
  return {all_TV.gather(1, targets_T.unsqueeze(1)).squeeze(1), -(all_TV.exp() * all_TV).sum(-1)};
}

void LogprobBackwardInPlaceAten(at::Tensor logits_TV, const at::Tensor& targets_T, const LogprobGradients& gradients,
                                double temperature) {
  const at::Tensor grad_T1 = (gradients.logprobs_T.to(at::kFloat) / temperature).unsqueeze(1);
  at::Tensor grad_TV;
  if (gradients.entropies_T.defined()) {
    const at::Tensor all_TV = at::log_softmax(logits_TV.to(at::kFloat) * (1.0 / temperature), -1);
    const at::Tensor p_TV = all_TV.exp();
    // 0 where the probability is 0, also for a log-prob of minus infinity.
    const at::Tensor weighted_TV = (p_TV * all_TV).masked_fill_(p_TV == 0, 0);
    const at::Tensor entropy_grad_T1 = (gradients.entropies_T.to(at::kFloat) / temperature).unsqueeze(1);
    grad_TV = (weighted_TV - p_TV * weighted_TV.sum(-1, true)) * -entropy_grad_T1 - p_TV * grad_T1;
  } else {
    grad_TV = at::softmax(logits_TV.to(at::kFloat) * (1.0 / temperature), -1) * -grad_T1;
  }
  grad_TV.scatter_add_(1, targets_T.unsqueeze(1), grad_T1);
  logits_TV.copy_(grad_TV);
}

}  // namespace cohort::kernels
