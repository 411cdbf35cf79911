// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_ATEN_LAYER_OPS_H_
#define COHORT_MODEL_LAYERS_ATEN_LAYER_OPS_H_

// The operators of layer_ops.h by ATen's, on any device and floating type. Norms and rotations of bf16 are computed in
// fp32 and rounded once, SwiGLU once at each of its two operators.
// Shapes: T rows, D row length, M = N * H, N heads, H head dim, A = H/2 angles, I intermediate size.
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cohort::model {

at::Tensor RmsNormWithAten(const at::Tensor& x_TD, const at::Tensor& weight_D, double eps);

at::Tensor NormRopeWithAten(const at::Tensor& x_TM, const at::Tensor& weight_H, const at::Tensor& cos_TA,
                            const at::Tensor& sin_TA, double eps);

at::Tensor RopeWithAten(const at::Tensor& x_TM, int64_t head_dim, const at::Tensor& cos_TA, const at::Tensor& sin_TA);

at::Tensor SwigluWithAten(const at::Tensor& gate_TI, const at::Tensor& up_TI);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_ATEN_LAYER_OPS_H_
