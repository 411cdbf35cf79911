// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/adamw.h"
#include "kernels/adamw_loop.h"

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

void AdamWStep(const AdamWSettings& settings, int64_t count, float* param, const float* grad, float* exp_avg,
               float* exp_avg_sq, CpuTarget target) {
  const AdamWFactors factors(settings);
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kAdamWLoop(factors, count, param, grad, exp_avg, exp_avg_sq);
    case CpuTarget::kAvx2:
      return avx2::kAdamWLoop(factors, count, param, grad, exp_avg, exp_avg_sq);
    case CpuTarget::kBaseline:
      return baseline::kAdamWLoop(factors, count, param, grad, exp_avg, exp_avg_sq);
  }
}

}  // namespace cohort::kernels
