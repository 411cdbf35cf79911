// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/adamw.h"
#include "kernels/adamw_loop.h"
#include "kernels/shared_work.h"

namespace cohort::kernels {

AdamWFactors::AdamWFactors(const AdamWSettings& settings)
    : decay(static_cast<float>(1 - settings.learning_rate * settings.weight_decay)),
      gradient_scale(static_cast<float>(settings.gradient_scale)),
      beta1_complement(static_cast<float>(1 - settings.beta1)),
      beta2(static_cast<float>(settings.beta2)),
      beta2_complement(static_cast<float>(1 - settings.beta2)),
      step_size(static_cast<float>(settings.learning_rate /
                                   (1 - std::pow(settings.beta1, static_cast<double>(settings.step))))),
      inverse_sqrt_correction2(
          static_cast<float>(1 / std::sqrt(1 - std::pow(settings.beta2, static_cast<double>(settings.step))))),
      epsilon(static_cast<float>(settings.epsilon)) {}

namespace {

// Whole cache lines of every array that begins on one: none is left to two threads.
constexpr int64_t kBlock = 1024;
// Operations on one number, roughly; memory bounds them.
constexpr int64_t kWorkPerNumber = 16;

AdamWLoopFunction Loop(CpuTarget target) {
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kAdamWLoop;
    case CpuTarget::kAvx2:
      return avx2::kAdamWLoop;
    case CpuTarget::kBaseline:
      break;
  }
  return baseline::kAdamWLoop;
}

}  // namespace

void AdamWStep(const AdamWSettings& settings, int64_t count, const AdamWArrays& arrays, const CpuExecution& cpu) {
  const AdamWFactors factors(settings);
  const AdamWLoopFunction loop = Loop(cpu.target);
  ShareEqualItems(cpu, (count + kBlock - 1) / kBlock, count * kWorkPerNumber, [&](int64_t first, int64_t last) {
    const int64_t start = first * kBlock, size = std::min(count, last * kBlock) - start;
    loop(factors, size,
         {arrays.param + start, arrays.grad + start, arrays.exp_avg + start, arrays.exp_avg_sq + start,
          arrays.param_bf16 == nullptr ? nullptr : arrays.param_bf16 + start});
  });
}

}  // namespace cohort::kernels
