// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_SQUARE_SUM_ATEN_H_
#define COHORT_KERNELS_TORCH_SQUARE_SUM_ATEN_H_

#include <ATen/core/Tensor.h>

namespace cohort::kernels {

// Sum of the squares of all numbers in fp64 by ATen, on any device and for any type. ATen reads numbers as fp64 from a
// copy, so this goes chunk by chunk: the copy is at most 128 MiB. Throws what LibTorch throws.
double SquareSumAten(const at::Tensor& tensor);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_SQUARE_SUM_ATEN_H_
