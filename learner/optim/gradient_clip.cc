// SPDX-License-Identifier: Apache-2.0
#include "learner/optim/gradient_clip.h"

#include <cmath>

#include "kernels/torch/square_sum_op.h"

namespace cohort::learner {

double GradientNorm(const at::Tensor& gradients_P) { return std::sqrt(kernels::SquareSum(gradients_P)); }

double ClipScale(double norm, double max_norm) { return max_norm > 0 && norm > max_norm ? max_norm / norm : 1.0; }

}  // namespace cohort::learner
