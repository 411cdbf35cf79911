// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_MATRIX_PRODUCT_H_
#define COHORT_MODEL_LAYERS_MATRIX_PRODUCT_H_

// Shapes: T rows, I inputs, O outputs.
#include <ATen/core/Tensor.h>

namespace cohort::model {

// x . weight^T, [T, O]; differentiable. In fp32 on the CPU a row gets the same bits in every batch of a multiple of 8
// rows, at least 16, whatever the number of threads. MKL with several threads does not: it cuts the sum over inputs by
// the shape of the whole product. Here threads share tiles of the result, and each tile is one product of one MKL
// thread. Gradients are plain products. Other devices and types run at::linear. Throws what LibTorch throws.
at::Tensor MatrixProduct(const at::Tensor& x_TI, const at::Tensor& weight_OI);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_MATRIX_PRODUCT_H_
