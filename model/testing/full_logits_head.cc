// SPDX-License-Identifier: Apache-2.0
#include "model/testing/full_logits_head.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace cohort::model {

namespace {

at::Tensor AllLogprobs(const at::Tensor& hidden_TD, const at::Tensor& weight_VD, double temperature) {
  // fp32 numbers stay the same tensor. A division by 1 would be one more.
  const at::Tensor logits_TV = at::linear(hidden_TD, weight_VD).to(at::kFloat);
  return at::log_softmax(temperature == 1.0 ? logits_TV : logits_TV / temperature, -1);
}

at::Tensor Entropies(const at::Tensor& all_TV, bool differentiable) {
  if (differentiable) return (all_TV.exp() * all_TV).sum(-1).neg();
  const at::NoGradGuard no_grad;
  return all_TV.exp().mul_(all_TV).sum(-1).neg();
}

}  // namespace

TokenLogprobs FullLogitsHead(const at::Tensor& hidden_TD, const at::Tensor& weight_VD, const at::Tensor& targets_T,
                             double temperature, bool differentiable_entropies) {
  const at::Tensor all_TV = AllLogprobs(hidden_TD, weight_VD, temperature);
  return {all_TV.gather(1, targets_T.unsqueeze(1)).squeeze(1), Entropies(all_TV, differentiable_entropies)};
}

}  // namespace cohort::model
