// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/square_sum_op.h"

#include <ATen/ops/linalg_vector_norm.h>

#include "kernels/square_sum.h"
#include "kernels/torch/at_parallel_for.h"

namespace cohort::kernels {

double SquareSum(const at::Tensor& tensor) {
  if (tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous()) {
    return SquareSum(tensor.numel(), tensor.const_data_ptr<float>(), AtExecution());
  }
  const double norm = at::linalg_vector_norm(tensor.detach(), /*ord=*/2, /*dim=*/at::OptionalIntArrayRef(),
                                             /*keepdim=*/false, at::kDouble)
                          .item<double>();
  return norm * norm;
}

}  // namespace cohort::kernels
