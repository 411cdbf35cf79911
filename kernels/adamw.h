// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ADAMW_H_
#define COHORT_KERNELS_ADAMW_H_

#include <cstdint>

#include "kernels/cpu_target.h"

namespace cohort::kernels {

struct AdamWSettings {
  double learning_rate = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;    // decoupled: the parameter is first multiplied by 1 - learning_rate * weight_decay
  double gradient_scale = 1;  // the gradient is multiplied by this (clipping)
  int64_t step = 1;           // number of this step, from 1, for the bias correction
};

// Settings as the inner loop uses them. Factors are formed in double and rounded once.
struct AdamWFactors {
  explicit AdamWFactors(const AdamWSettings& settings);

  float decay;  // 1 - learning_rate * weight_decay
  float gradient_scale;
  float beta1_complement;  // 1 - beta1
  float beta2;
  float beta2_complement;
  float step_size;                 // learning_rate / (1 - beta1^step)
  float inverse_sqrt_correction2;  // 1 / sqrt(1 - beta2^step)
  float epsilon;
};

// One AdamW step (Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019) over flat fp32 arrays, in
// place:
//   g = scale * grad;  m += (g - m)(1 - beta1);  v = beta2 v + (1 - beta2) g g
//   param = decay * param - step_size * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
// Element by element, so splitting the arrays changes nothing. Same bits under every instruction set. Keeps no state.
void AdamWStep(const AdamWSettings& settings, int64_t count, float* param, const float* grad, float* exp_avg,
               float* exp_avg_sq, CpuTarget target = BestCpuTarget());

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ADAMW_H_
