// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ADAMW_LOOP_H_
#define COHORT_KERNELS_ADAMW_LOOP_H_

// The loop of kernels/adamw.h; compiled once per instruction set.

#include <cstdint>

#include "kernels/adamw_factors.h"

namespace cohort::kernels {

using AdamWLoopFunction = void (*)(const AdamWFactors& factors, int64_t count, const AdamWArrays& arrays);

namespace baseline {
extern const AdamWLoopFunction kAdamWLoop;
}
namespace avx2 {
extern const AdamWLoopFunction kAdamWLoop;
}
namespace avx512 {
extern const AdamWLoopFunction kAdamWLoop;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ADAMW_LOOP_H_
