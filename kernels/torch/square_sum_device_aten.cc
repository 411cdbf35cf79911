// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/square_sum_aten.h"
#include "kernels/torch/square_sum_device.h"

namespace cohort::kernels {

double SquareSumOnDevice(const at::Tensor& tensor) { return SquareSumAten(tensor); }

}  // namespace cohort::kernels
