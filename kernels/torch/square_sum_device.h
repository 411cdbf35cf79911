// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_SQUARE_SUM_DEVICE_H_
#define COHORT_KERNELS_TORCH_SQUARE_SUM_DEVICE_H_

// What square_sum_op.h runs where kernels/square_sum.h does not apply. Two sources implement it, chosen by the build:
// square_sum_device_aten.cc by default, square_sum_device_cuda.cc under --config=cuda (kernels/square_sum_cuda.h where
// it applies, else ATen).
#include <ATen/core/Tensor.h>

namespace cohort::kernels {

// Waits for the result. Throws what LibTorch throws.
double SquareSumOnDevice(const at::Tensor& tensor);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_SQUARE_SUM_DEVICE_H_
