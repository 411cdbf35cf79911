// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SQUARE_SUM_LOOP_H_
#define COHORT_KERNELS_SQUARE_SUM_LOOP_H_

// One block of kernels/square_sum.h; compiled once per instruction set.

#include <cstdint>

namespace cohort::kernels {

using SquareSumLoopFunction = double (*)(int64_t count, const float* values);

namespace baseline {
extern const SquareSumLoopFunction kSquareSumLoop;
}
namespace avx2 {
extern const SquareSumLoopFunction kSquareSumLoop;
}
namespace avx512 {
extern const SquareSumLoopFunction kSquareSumLoop;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SQUARE_SUM_LOOP_H_
