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
//
// Rows of bf16 go with a weight of fp32 or bf16, which is rounded inside: sums are fp32 and rounded once (on a GPU
// cuBLAS may add the parts of a split sum in bf16), the gradient of x is bf16, that of the weight fp32 without ever
// being rounded. Of both only x and the weight as given are kept for the backward pass. On the CPU a tile's numbers are
// widened, which loses nothing, so what is said of rows and threads above holds, and for gradients too
// (gradient_products.h).
at::Tensor MatrixProduct(const at::Tensor& x_TI, const at::Tensor& weight_OI);

// The same without gradients, and what bf16 numbers give stays fp32: logits.
at::Tensor UnroundedProduct(const at::Tensor& x_TI, const at::Tensor& weight_OI);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_MATRIX_PRODUCT_H_
