// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_LAYER_OPS_H_
#define COHORT_MODEL_LAYERS_LAYER_OPS_H_

// The operators of layer_loops.h on tensors, differentiable in all but the angles. fp32 and bf16 on the CPU run the
// loops, other devices and types run ATen. Shapes: T rows, D row length, M = N * H, N heads, H head dim, A = H/2
// angles, I intermediate size.
//
// Rows of bf16 go with parameters of fp32 or bf16, which are rounded inside, and with angles of fp32; statistics are
// fp32, gradients of rows bf16, of parameters fp32. On the CPU the rows are widened, run through the same loops and
// rounded once, a few at a time: a row's bits depend on the row alone, and no wide copy of an activation is kept.
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

// x + bias row by row; [T, M]; differentiable in both. May overwrite x, of which nobody else may need the values.
at::Tensor AddBias(const at::Tensor& x_TM, const at::Tensor& bias_M);

// silu(gate) * up; [T, I].
at::Tensor Swiglu(const at::Tensor& gate_TI, const at::Tensor& up_TI);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_LAYER_OPS_H_
