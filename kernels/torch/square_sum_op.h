// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_SQUARE_SUM_OP_H_
#define COHORT_KERNELS_TORCH_SQUARE_SUM_OP_H_

#include <ATen/core/Tensor.h>

namespace cohort::kernels {

// Sum of the squares of all numbers in fp64. Contiguous fp32 on the CPU runs kernels/square_sum.h on
// at::get_num_threads() threads, whose number changes no bit; the rest runs ATen. Throws what LibTorch throws.
double SquareSum(const at::Tensor& tensor);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_SQUARE_SUM_OP_H_
