// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/logprob_cuda.h"
#include "kernels/torch/logprob_aten.h"
#include "kernels/torch/logprob_device.h"

namespace cohort::kernels {
namespace {

bool UsesOwnKernel(const at::Tensor& logits_TV) {
  return logits_TV.is_cuda() && (logits_TV.scalar_type() == at::kFloat || logits_TV.scalar_type() == at::kBFloat16);
}

LogitType TypeOf(const at::Tensor& logits_TV) {
  return logits_TV.scalar_type() == at::kFloat ? LogitType::kFloat32 : LogitType::kBfloat16;
}

LogprobRows RowsOf(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature) {
  return {targets_T.const_data_ptr<int64_t>(), logits_TV.size(0), logits_TV.size(1),
          static_cast<float>(1.0 / temperature)};
}

}  // namespace

LogprobAndEntropy LogprobForwardOnDevice(const at::Tensor& logits_TV, const at::Tensor& targets_T, double temperature) {
  if (!UsesOwnKernel(logits_TV)) return LogprobForwardAten(logits_TV, targets_T, temperature);
  const c10::DeviceGuard guard(logits_TV.device());
  const at::Tensor logits = logits_TV.contiguous();
  const at::TensorOptions options = logits.options().dtype(at::kFloat).requires_grad(false);
  LogprobAndEntropy result{at::empty({logits.size(0)}, options), at::empty({logits.size(0)}, options)};
  const int error =
      LogprobForwardCuda(RowsOf(logits, targets_T, temperature), TypeOf(logits), logits.const_data_ptr(),
                         result.logprobs_T.mutable_data_ptr<float>(), result.entropies_T.mutable_data_ptr<float>(),
                         c10::cuda::getCurrentCUDAStream().stream());
  TORCH_CHECK(error == 0, "logprob: CUDA launch failed (error ", error, ")");
  return result;
}

void LogprobBackwardInPlaceOnDevice(at::Tensor logits_TV, const at::Tensor& targets_T,
                                    const LogprobGradients& gradients, double temperature) {
  if (!UsesOwnKernel(logits_TV)) return LogprobBackwardInPlaceAten(logits_TV, targets_T, gradients, temperature);
  TORCH_CHECK(logits_TV.is_contiguous(), "logprob: logits must be contiguous to be overwritten");
  const c10::DeviceGuard guard(logits_TV.device());
  const at::Tensor grad = gradients.logprobs_T.to(at::kFloat).contiguous();
  const at::Tensor entropy_grad =
      gradients.entropies_T.defined() ? gradients.entropies_T.to(at::kFloat).contiguous() : at::Tensor();
  const int error = LogprobBackwardInPlaceCuda(
      RowsOf(logits_TV, targets_T, temperature), TypeOf(logits_TV), grad.const_data_ptr<float>(),
      entropy_grad.defined() ? entropy_grad.const_data_ptr<float>() : nullptr, logits_TV.mutable_data_ptr(),
      c10::cuda::getCurrentCUDAStream().stream());
  TORCH_CHECK(error == 0, "logprob: CUDA launch failed (error ", error, ")");
}

}  // namespace cohort::kernels
