// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw_loop.h"

#define COHORT_ADAMW_INLINE static inline __attribute__((always_inline))

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

// The 16 upper bits, rounded to nearest even.
COHORT_ADAMW_INLINE uint16_t RoundToBf16(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return static_cast<uint16_t>(value != value ? 0x7fc0 : rounded);
}

// Every operation is IEEE-exact and element by element: the compiler may use any vector width.
template <bool kCasts>
COHORT_ADAMW_INLINE void Run(const AdamWFactors& factors, int64_t count, float* __restrict param,
                             const float* __restrict grad, float* __restrict exp_avg, float* __restrict exp_avg_sq,
                             uint16_t* __restrict param_bf16) {
  const AdamWFactors f = factors;
  for (int64_t i = 0; i < count; ++i) {
    const float g = grad[i] * f.gradient_scale;
    const float m = exp_avg[i] + (g - exp_avg[i]) * f.beta1_complement;
    const float v = exp_avg_sq[i] * f.beta2 + g * g * f.beta2_complement;
    exp_avg[i] = m;
    exp_avg_sq[i] = v;
    const float denominator = __builtin_sqrtf(v) * f.inverse_sqrt_correction2 + f.epsilon;
    const float updated = param[i] * f.decay - f.step_size * (m / denominator);
    param[i] = updated;
    if (kCasts) param_bf16[i] = RoundToBf16(updated);
  }
}

void AdamWLoop(const AdamWFactors& factors, int64_t count, const AdamWArrays& a) {
  if (a.param_bf16 == nullptr) {
    Run<false>(factors, count, a.param, a.grad, a.exp_avg, a.exp_avg_sq, nullptr);
  } else {
    Run<true>(factors, count, a.param, a.grad, a.exp_avg, a.exp_avg_sq, a.param_bf16);
  }
}

}  // namespace

extern const AdamWLoopFunction kAdamWLoop;
const AdamWLoopFunction kAdamWLoop = AdamWLoop;

}  // namespace cohort::kernels::COHORT_CPU_TARGET
