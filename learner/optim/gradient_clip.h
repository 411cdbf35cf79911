// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_OPTIM_GRADIENT_CLIP_H_
#define COHORT_LEARNER_OPTIM_GRADIENT_CLIP_H_

// Shapes: P numbers of all gradients.
#include <ATen/core/Tensor.h>

namespace cohort::learner {

// The global L2 norm, summed in fp64; not finite when any number is not. Throws what LibTorch throws.
double GradientNorm(const at::Tensor& gradients_P);

// What the gradients are multiplied by so that their norm is at most `max_norm`; 0 never clips.
double ClipScale(double norm, double max_norm);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_OPTIM_GRADIENT_CLIP_H_
