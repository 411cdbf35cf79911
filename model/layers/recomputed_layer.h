// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_RECOMPUTED_LAYER_H_
#define COHORT_MODEL_LAYERS_RECOMPUTED_LAYER_H_

#include <ATen/core/Tensor.h>

#include <functional>

namespace cohort::model {

// One tensor from an input and parameters, differentiable in both and the same bits at every call. It creates its
// result, and all parameters take part in it.
using LayerFunction = std::function<at::Tensor(const at::Tensor& input, at::TensorList parameters)>;

// layer(input, parameters), of which nothing but `input` and `parameters` is kept for the backward pass: that computes
// the layer again, goes back through it and lets go of it before the next layer's turn. The same operators in the same
// order, so gradients are those of the layer itself to the last bit, and each parameter gets one gradient. What `layer`
// refers to must outlive the backward pass. Without gradients to record it is the layer itself. Throws what LibTorch
// throws, in the backward pass also for an input or a parameter that was changed in place meanwhile.
at::Tensor RecomputedLayer(const LayerFunction& layer, const at::Tensor& input, at::TensorList parameters);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_RECOMPUTED_LAYER_H_
