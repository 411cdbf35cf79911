// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SQUARE_SUM_H_
#define COHORT_KERNELS_SQUARE_SUM_H_

// Sum of the squares of a dense fp32 array, in fp64: the global gradient norm before clipping, in one read and without
// a copy of the gradients.
//
// Order (part of the contract): blocks of 16,384 numbers from the array's first. In a block 16 fp64 lanes sum the
// squares, which are exact, and are added in one fixed tree; the blocks' sums are added in ascending order. Neither the
// instruction set nor the number of threads changes a bit. Not finite when a number is not; no finite number overflows.

#include <cstdint>

#include "kernels/cpu_execution.h"

namespace cohort::kernels {

// Keeps no state; 0 for no numbers.
double SquareSum(int64_t count, const float* values, const CpuExecution& cpu = {});

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SQUARE_SUM_H_
