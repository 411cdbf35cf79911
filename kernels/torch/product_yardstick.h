// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_PRODUCT_YARDSTICK_H_
#define COHORT_KERNELS_TORCH_PRODUCT_YARDSTICK_H_

#include "kernels/side_by_side.h"

namespace cohort::kernels {

// What bounds arithmetic: an fp32 product of two matrices of 1,024 x 1,024 by ATen on at::get_num_threads() threads.
// Its work is floating-point operations, a multiplication and an addition each.
Yardstick ProductYardstick();

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_PRODUCT_YARDSTICK_H_
