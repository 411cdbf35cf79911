// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ADAMW_FACTORS_H_
#define COHORT_KERNELS_ADAMW_FACTORS_H_

#include <cstdint>

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

// What a step reads and writes; each array has the step's count of numbers, no two overlap, and all are the caller's.
struct AdamWArrays {
  float* param;
  const float* grad;
  float* exp_avg;
  float* exp_avg_sq;
  // Where the new parameters go as bfloat16 too, rounded to nearest even (NaN to 0x7fc0); null: nowhere.
  uint16_t* param_bf16 = nullptr;
};

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ADAMW_FACTORS_H_
