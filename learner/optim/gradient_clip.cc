// SPDX-License-Identifier: Apache-2.0
#include "learner/optim/gradient_clip.h"

#include <ATen/ops/linalg_vector_norm.h>

namespace cohort::learner {

double GradientNorm(const at::Tensor& gradients_P) {
  return at::linalg_vector_norm(gradients_P, /*ord=*/2, /*dim=*/at::OptionalIntArrayRef(), /*keepdim=*/false,
                                at::kDouble)
      .item<double>();
}

double ClipScale(double norm, double max_norm) { return max_norm > 0 && norm > max_norm ? max_norm / norm : 1.0; }

}  // namespace cohort::learner
