// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_GRADIENT_PRODUCTS_H_
#define COHORT_MODEL_LAYERS_GRADIENT_PRODUCTS_H_

// The gradients of x . weight^T where they are added up chunk of rows by chunk (model/logprob.h), and of bf16. Shapes:
// T rows, I inputs, O outputs.
//
// In fp32 on the CPU threads share tiles of the result, whose size is fixed: a tile's sum over what is contracted is
// one product of one MKL thread. So the number of threads changes no bit, as with MatrixProduct. Other devices, and
// types but bf16, run ATen.
//
// With x of bf16 the weight is rounded inside, the gradient of the result may be bf16 or fp32, that of x is bf16 and
// that of the weight fp32. On the CPU tiles widen 512 numbers of a sum at a time and add them up in fp32.
//
// No gradients flow through these functions. They throw what LibTorch throws.
#include <ATen/core/Tensor.h>

namespace cohort::model {

// grad_x_TI = grad_TO . weight_OI.
void InputGradient(const at::Tensor& grad_TO, const at::Tensor& weight_OI, const at::Tensor& grad_x_TI);

// grad_weight_OI += grad_TO^T . x_TI.
void AddWeightGradient(const at::Tensor& grad_TO, const at::Tensor& x_TI, const at::Tensor& grad_weight_OI);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_GRADIENT_PRODUCTS_H_
