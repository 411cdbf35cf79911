// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/square_sum_op.h"

#include "kernels/square_sum.h"
#include "kernels/torch/at_parallel_for.h"
#include "kernels/torch/square_sum_device.h"

namespace cohort::kernels {

double SquareSum(const at::Tensor& tensor) {
  if (tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous()) {
    return SquareSum(tensor.numel(), tensor.const_data_ptr<float>(), AtExecution());
  }
  return SquareSumOnDevice(tensor);
}

}  // namespace cohort::kernels
