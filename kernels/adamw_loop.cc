// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw_loop.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

// Every operation is IEEE-exact and element by element: the compiler may use any vector width.
void AdamWLoop(const AdamWFactors& factors, int64_t count, float* __restrict param, const float* __restrict grad,
               float* __restrict exp_avg, float* __restrict exp_avg_sq) {
  const AdamWFactors f = factors;
  for (int64_t i = 0; i < count; ++i) {
    const float g = grad[i] * f.gradient_scale;
    const float m = exp_avg[i] + (g - exp_avg[i]) * f.beta1_complement;
    const float v = exp_avg_sq[i] * f.beta2 + g * g * f.beta2_complement;
    exp_avg[i] = m;
    exp_avg_sq[i] = v;
    const float denominator = __builtin_sqrtf(v) * f.inverse_sqrt_correction2 + f.epsilon;
    param[i] = param[i] * f.decay - f.step_size * (m / denominator);
  }
}

}  // namespace

extern const AdamWLoopFunction kAdamWLoop;
const AdamWLoopFunction kAdamWLoop = AdamWLoop;

}  // namespace cohort::kernels::COHORT_CPU_TARGET
