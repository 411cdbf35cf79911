// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "kernels/shared_work.h"
#include "kernels/square_sum.h"
#include "kernels/square_sum_loop.h"

namespace cohort::kernels {
namespace {

constexpr int64_t kBlock = 16384;
// Operations on one number, roughly; memory bounds them.
constexpr int64_t kWorkPerNumber = 4;

SquareSumLoopFunction Loop(CpuTarget target) {
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kSquareSumLoop;
    case CpuTarget::kAvx2:
      return avx2::kSquareSumLoop;
    case CpuTarget::kBaseline:
      break;
  }
  return baseline::kSquareSumLoop;
}

}  // namespace

double SquareSum(int64_t count, const float* values, const CpuExecution& cpu) {
  const SquareSumLoopFunction loop = Loop(cpu.target);
  std::vector<double> block_sums((count + kBlock - 1) / kBlock);
  ShareEqualItems(cpu, static_cast<int64_t>(block_sums.size()), count * kWorkPerNumber,
                  [&](int64_t first, int64_t last) {
                    for (int64_t b = first; b < last; ++b) {
                      block_sums[b] = loop(std::min(kBlock, count - b * kBlock), values + b * kBlock);
                    }
                  });
  double sum = 0;
  for (const double block_sum : block_sums) sum += block_sum;
  return sum;
}

}  // namespace cohort::kernels
