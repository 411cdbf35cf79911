// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/logprob_aten.h"
#include "kernels/torch/logprob_device.h"

namespace cohort::kernels {

LogprobAndEntropy LogprobForwardOnDevice(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature) {
  return LogprobForwardAten(logits_TV, targets_T, temperature);
}

void LogprobBackwardInPlaceOnDevice(at::Tensor logits_TV, const at::Tensor& targets_T,
                                    const LogprobGradients& gradients, double temperature) {
  LogprobBackwardInPlaceAten(std::move(logits_TV), targets_T, gradients, temperature);
}

}  // namespace cohort::kernels
