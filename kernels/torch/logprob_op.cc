// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/logprob_op.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include "kernels/logprob.h"
#include "kernels/torch/at_parallel_for.h"
#include "kernels/torch/logprob_device.h"

namespace cohort::kernels {
namespace {

// Shape and dtype; on the CPU also every target.
LogprobRows CheckedRows(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature) {
  TORCH_CHECK(logits_TV.dim() == 2 && targets_T.dim() == 1 && targets_T.size(0) == logits_TV.size(0),
              "logprob: logits must be [T, V] and targets [T] (", logits_TV.sizes(), ", ", targets_T.sizes(), ")");
  TORCH_CHECK(targets_T.scalar_type() == at::kLong, "logprob: targets must be int64 (", targets_T.scalar_type(), ")");
  TORCH_CHECK(temperature > 0, "logprob: temperature must be positive (", temperature, ")");
  const LogprobRows rows{targets_T.is_cpu() ? targets_T.const_data_ptr<int64_t>() : nullptr, logits_TV.size(0),
                         logits_TV.size(1), static_cast<float>(1.0 / temperature)};
  for (int64_t t = 0; rows.targets_T != nullptr && t < rows.num_rows; ++t) {
    TORCH_CHECK(rows.targets_T[t] >= 0 && rows.targets_T[t] < rows.vocab_size, "logprob: target of row ", t,
                " is outside the vocabulary (", rows.targets_T[t], " of ", rows.vocab_size, ")");
  }
  return rows;
}

void CheckGradient(const at::Tensor& grad_T, const LogprobRows& rows) {
  TORCH_CHECK(grad_T.dim() == 1 && grad_T.size(0) == rows.num_rows, "logprob: grad must be [T] (", grad_T.sizes(), ")");
}

bool UsesOwnKernel(const at::Tensor& logits) { return logits.is_cpu() && logits.scalar_type() == at::kFloat; }

}  // namespace

LogprobAndEntropy LogprobForward(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature) {
  const c10::NoGradGuard no_grad;
  const at::Tensor targets = targets_T.contiguous();
  const LogprobRows rows = CheckedRows(logits_TV, targets, temperature);
  if (!UsesOwnKernel(logits_TV)) return LogprobForwardOnDevice(logits_TV, targets, temperature);
  const at::Tensor logits = logits_TV.contiguous();
  LogprobAndEntropy result{at::empty({rows.num_rows}, logits.options().requires_grad(false)),
                           at::empty({rows.num_rows}, logits.options().requires_grad(false))};
  LogprobForward(rows, logits.const_data_ptr<float>(), result.logprobs_T.mutable_data_ptr<float>(),
                 result.entropies_T.mutable_data_ptr<float>(), AtExecution());
  return result;
}

void LogprobBackwardInPlace(at::Tensor logits_TV, const at::Tensor& targets_T, const LogprobGradients& gradients,
                            double temperature) {
  const c10::NoGradGuard no_grad;
  const at::Tensor targets = targets_T.contiguous();
  const LogprobRows rows = CheckedRows(logits_TV, targets, temperature);
  const bool has_entropy = gradients.entropies_T.defined();
  CheckGradient(gradients.logprobs_T, rows);
  if (has_entropy) CheckGradient(gradients.entropies_T, rows);
  if (!UsesOwnKernel(logits_TV)) return LogprobBackwardInPlaceOnDevice(logits_TV, targets, gradients, temperature);
  TORCH_CHECK(logits_TV.is_contiguous(), "logprob: logits must be contiguous to be overwritten");
  const at::Tensor grad = gradients.logprobs_T.to(at::kFloat).contiguous();
  const at::Tensor entropy_grad = has_entropy ? gradients.entropies_T.to(at::kFloat).contiguous() : at::Tensor();
  LogprobBackwardInPlace(rows, grad.const_data_ptr<float>(),
                         has_entropy ? entropy_grad.const_data_ptr<float>() : nullptr,
                         logits_TV.mutable_data_ptr<float>(), AtExecution());
}

}  // namespace cohort::kernels
