// SPDX-License-Identifier: Apache-2.0
#include "kernels/square_sum_loop.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

// Four lanes each; the compiler puts them into as many registers as the target needs.
typedef double D4 __attribute__((vector_size(32)));
typedef float F4 __attribute__((vector_size(16)));
typedef float F4Unaligned __attribute__((vector_size(16), aligned(4), may_alias));

double SquareSumLoop(int64_t count, const float* values) {
  D4 lanes[4] = {};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int part = 0; part < 4; ++part) {
      const F4 x = *reinterpret_cast<const F4Unaligned*>(values + i + 4 * part);
      const D4 wide = __builtin_convertvector(x, D4);
      lanes[part] += wide * wide;
    }
  }
  for (int lane = 0; i < count; ++i, ++lane) {
    lanes[lane / 4][lane % 4] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  }
  const D4 half = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
  return (half[0] + half[2]) + (half[1] + half[3]);
}

}  // namespace

extern const SquareSumLoopFunction kSquareSumLoop;
const SquareSumLoopFunction kSquareSumLoop = SquareSumLoop;

}  // namespace cohort::kernels::COHORT_CPU_TARGET
