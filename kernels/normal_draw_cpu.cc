// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include "common/philox.h"
#include "kernels/normal_draw.h"
#include "kernels/normal_draw_loop.h"

namespace cohort::kernels {
namespace {

NormalLoopFunction LoopOf(CpuTarget target) {
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kNormalLoop;
    case CpuTarget::kAvx2:
      return avx2::kNormalLoop;
    case CpuTarget::kBaseline:
      break;
  }
  return baseline::kNormalLoop;
}

// Element `at` of block `block` by the library.
float Decide(const NormalSource& source, uint64_t block, int at) {
  const std::array<uint32_t, 4> words =
      common::Philox4x32({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), source.stream, 0},
                         {source.key[0], source.key[1]});
  const int pair = at / 2;
  const double radius = source.scale * std::sqrt(-2.0 * std::log(common::UniformOpen(words[2 * pair])));
  const double angle = 2.0 * M_PI * common::UniformOpen(words[2 * pair + 1]);
  return static_cast<float>(radius * (at % 2 == 0 ? std::cos(angle) : std::sin(angle)));
}

}  // namespace

void DrawNormal(const NormalSequence& sequence, int64_t first, int64_t count, float* values, CpuTarget target) {
  const NormalLoopFunction loop = LoopOf(target);
  const NormalSource source = {{static_cast<uint32_t>(sequence.seed), static_cast<uint32_t>(sequence.seed >> 32)},
                               sequence.stream,
                               sequence.scale};
  NormalChunk chunk;
  for (int64_t done = 0; done < count; done += 4 * kNormalBlocks) {
    const uint64_t first_block = static_cast<uint64_t>(first + done) / 4;
    loop(source, first_block, &chunk);
    const int64_t end = std::min(4 * kNormalBlocks, count - done);
    for (int64_t i = 0; i < end; ++i) values[done + i] = chunk.values[i % 4][i / 4];
    if (chunk.num_open == 0) continue;
    for (int64_t i = 0; i < end; ++i) {
      if (chunk.is_open[i % 4][i / 4] == 0) continue;
      values[done + i] = Decide(source, first_block + static_cast<uint64_t>(i / 4), static_cast<int>(i % 4));
    }
  }
}

}  // namespace cohort::kernels
