// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_NORMAL_DRAW_H_
#define COHORT_KERNELS_NORMAL_DRAW_H_

#include <cstdint>

#include "kernels/cpu_target.h"

namespace cohort::kernels {

// One endless sequence of draws from N(0, scale^2).
struct NormalSequence {
  uint64_t seed = 0;
  uint32_t stream = 0;
  double scale = 1;
};

// Elements [first, first + count) of a sequence; `first` is a multiple of 4. Elements 4b to 4b + 3 come from the words
// of Philox4x32(counter {b mod 2^32, b / 2^32, stream, 0}, key {seed mod 2^32, seed / 2^32}): two pairs of words, each
// a Box-Muller pair r cos a, r sin a with r = scale sqrt(-2 ln u0) and a = 2 pi u1, computed in fp64 with the C
// library's log, cos and sin and rounded to fp32. Every target gives exactly those bits: where its own approximations
// (relative error below 1e-12) leave the rounding open, the library decides. Pure, no allocation.
void DrawNormal(const NormalSequence& sequence, int64_t first, int64_t count, float* values,
                CpuTarget target = BestCpuTarget());

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_NORMAL_DRAW_H_
