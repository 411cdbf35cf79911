// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/square_sum_cuda.h"
#include "kernels/torch/square_sum_aten.h"
#include "kernels/torch/square_sum_device.h"

namespace cohort::kernels {

double SquareSumOnDevice(const at::Tensor& tensor) {
  if (!tensor.is_cuda() || tensor.scalar_type() != at::kFloat || !tensor.is_contiguous()) return SquareSumAten(tensor);
  const c10::DeviceGuard guard(tensor.device());
  const at::TensorOptions options = tensor.options().dtype(at::kDouble).requires_grad(false);
  const at::Tensor sum = at::empty({}, options), workspace = at::empty({SquareSumCudaWorkspaceDoubles()}, options);
  const int error = SquareSumCuda(tensor.numel(), tensor.const_data_ptr<float>(), sum.mutable_data_ptr<double>(),
                                  workspace.mutable_data_ptr<double>(), c10::cuda::getCurrentCUDAStream().stream());
  TORCH_CHECK(error == 0, "square sum: CUDA launch failed (error ", error, ")");
  return sum.item<double>();
}

}  // namespace cohort::kernels
