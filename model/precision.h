// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_PRECISION_H_
#define COHORT_MODEL_PRECISION_H_

// Torch-free.
namespace cohort::model {

// What a decoder computes in. Parameters that are trained, moved and saved, log-probs, gradients of parameters and
// their sums are fp32 either way.
enum class Precision {
  kFp32,
  // Parameters are rounded where they are used; activations and cached keys and values are bf16.
  kBf16,
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_PRECISION_H_
