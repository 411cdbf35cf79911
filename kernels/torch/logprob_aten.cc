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

void LogprobBackwardInPlaceAten(at::Tensor logits_TV, const at::Tensor& targets_T, const at::Tensor& grad_T,
                                double temperature) {
  const at::Tensor grad_T1 = (grad_T.to(at::kFloat) / temperature).unsqueeze(1);
  at::Tensor grad_TV = at::softmax(logits_TV.to(at::kFloat) * (1.0 / temperature), -1) * -grad_T1;
  grad_TV.scatter_add_(1, targets_T.unsqueeze(1), grad_T1);
  logits_TV.copy_(grad_TV);
}

}  // namespace cohort::kernels
