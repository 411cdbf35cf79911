// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_LAYER_OPS_H_
#define COHORT_MODEL_LAYERS_LAYER_OPS_H_

// The operators of layer_loops.h on tensors, differentiable in all but the angles. fp32 on the CPU runs the loops,
// other devices and types run ATen. Shapes: T rows, D row length, N heads, H head dim, A = H/2 angles, I intermediate
// size.
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cohort::model {

// x / sqrt(mean(x^2) + eps) * weight over the last dimension; [T, D].
at::Tensor RmsNorm(const at::Tensor& x_TD, const at::Tensor& weight_D, double eps);

// RmsNorm of each head followed by rotary position embedding (rotate-half, as Hugging Face); x is [T, N * H], the
// result [T, N, H].
at::Tensor NormRope(const at::Tensor& x_TM, const at::Tensor& weight_H, const at::Tensor& cos_TA,
                    const at::Tensor& sin_TA, double eps);

// Rotary position embedding alone of heads of `head_dim`; shapes as NormRope's.
at::Tensor Rope(const at::Tensor& x_TM, int64_t head_dim, const at::Tensor& cos_TA, const at::Tensor& sin_TA);

// silu(gate) * up; [T, I].
at::Tensor Swiglu(const at::Tensor& gate_TI, const at::Tensor& up_TI);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_LAYER_OPS_H_
