// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_NORMAL_DRAW_LOOP_H_
#define COHORT_KERNELS_NORMAL_DRAW_LOOP_H_

// The loop of kernels/normal_draw.h; compiled once per instruction set.

#include <cstdint>

namespace cohort::kernels {

inline constexpr int64_t kNormalBlocks = 64;  // of four elements, that one call draws

// What one call writes. Element 4b + j is at [j][b].
struct NormalChunk {
  float values[4][kNormalBlocks];
  int32_t is_open[4][kNormalBlocks];  // 1 where the last bit is not certain
  int32_t num_open;
};

struct NormalSource {
  uint32_t key[2];
  uint32_t stream;
  double scale;
};

// Blocks first_block to first_block + kNormalBlocks - 1.
using NormalLoopFunction = void (*)(const NormalSource& source, uint64_t first_block, NormalChunk* chunk);

namespace baseline {
extern const NormalLoopFunction kNormalLoop;
}
namespace avx2 {
extern const NormalLoopFunction kNormalLoop;
}
namespace avx512 {
extern const NormalLoopFunction kNormalLoop;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_NORMAL_DRAW_LOOP_H_
